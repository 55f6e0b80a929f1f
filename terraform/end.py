"""The function that `terraform destroy` invokes when the containers have ended: it runs the reaper (reaper.tf).

Inline code in ASCII that needs the runtime alone. A reaper that cannot run leaves queues; it does not stop the destroy.
"""

import json

import boto3
from botocore.config import Config

PATIENT = Config(read_timeout=140, retries={"total_max_attempts": 1})  # the reaper has 120 s


def handler(event, _):
    """Returns the reaper's answer, or `{"error": ...}`. Does nothing unless Terraform destroys."""
    if event["tf"]["action"] != "delete":
        return {}
    request = {"prune": event["prune"], "tf": event["tf"]}
    try:
        answer = boto3.client("lambda", config=PATIENT).invoke(
            FunctionName=event["reaper"], Payload=json.dumps(request)
        )
        said = json.loads(answer["Payload"].read())
    except Exception as error:
        return {"error": str(error)}
    return {"error": said} if "FunctionError" in answer else said
