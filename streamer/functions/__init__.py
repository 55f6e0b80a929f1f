"""What belongs to AWS Lambda alone: the functions `rest` and `reaper`, and what differs where the service itself runs
as a function behind the Lambda Web Adapter (`hosting`, `adapter`, `identity`).
"""
