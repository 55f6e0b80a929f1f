"""The border to AWS: clients, what their errors mean, secrets, and the threads in which blocking calls are made.

boto3 is imported when it is first needed, in the thread that needs it: it takes longer to load than everything else.
"""
