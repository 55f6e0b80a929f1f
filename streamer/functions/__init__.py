"""AWS Lambda: the functions `rest` and `reaper`, and the differences between a container and the service as a function
behind the Lambda Web Adapter (`hosting`, `adapter`, `identity`).
"""
