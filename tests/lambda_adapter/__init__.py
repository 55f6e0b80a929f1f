"""The real Lambda Web Adapter between a Runtime API of our own and the service. `LAMBDA_ADAPTER` names its binary."""
