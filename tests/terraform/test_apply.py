"""Applied for real, on an emulated AWS: what Terraform makes, whether it works, and what a destroy leaves.

One history, in the order of the tests: the first apply has no image; then containers; then another state wants the same
name; then a function, and back, protected; then nothing. Each step is a fixture that needs the one before. Two examples
have histories of their own meanwhile: beside tables that exist, and Lambda from the beginning.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from streamer.change import iso_time
from streamer.clock import wall_ms
from tests.integration.rig import stream
from tests.integration.service import ServiceProcess, serving
from tests.terraform import tools
from tests.terraform.deployment import IMAGE, NAME, REGION, Beside, Deployment, allowed
from tests.terraform.emulator import ACCOUNT, Call, Emulator
from tests.watchdog import WATCHDOG

pytestmark = [pytest.mark.timeout(2_400), pytest.mark.slow("Terraform works for minutes")]

EVENTS = Path(__file__).parents[1] / "events"
REQUEST = Path(__file__).parents[1] / "unit" / "function_url.json"
GATEWAY = "the-gateways-own-secret-word"

READS = ("Describe", "List", "Get", "GET ", "HEAD ")
"""What an action that changes nothing begins with."""

SENTIMENT, USERS = f"{NAME}-items", f"{NAME}-users"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:{NAME}-changes"
FAILURES = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{NAME}-relay-failures"
QUEUES = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{NAME}-stream-*"


def table(name: str) -> str:
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"


def logs(group: str) -> str:
    return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*"


def function(name: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}-{name}"


def allow(actions: str, *resources: str, **conditions: dict[str, str]) -> dict[str, Any]:
    """A statement as `Deployment.statements` gives it."""
    said: dict[str, Any] = {
        "Effect": "Allow",
        "Action": frozenset(actions.split()),
        "Resource": frozenset(resources),
    }
    return said | ({"Condition": conditions} if conditions else {})


# The history


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    """The other histories, one after the other, begun with the first; whoever wants a result waits for both."""
    tools.terraform_binary()
    tools.plugin_directory()
    folders = tmp_path_factory.mktemp("existing"), tmp_path_factory.mktemp("lambda")
    running = Beside(lambda: (existing_tables(folders[0]), lambda_alone(folders[1])))
    yield running
    running.wait()


@pytest.fixture(scope="module")
def existing(beside: Beside) -> Existing:
    found: Existing = beside.result()[0]
    return found


@pytest.fixture(scope="module")
def alone(beside: Beside) -> Alone:
    found: Alone = beside.result()[1]
    return found


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, beside: Beside) -> Iterator[Deployment]:
    """Applied without an image."""
    folder = tmp_path_factory.mktemp("apply")
    with Emulator(folder, REGION) as aws:
        deployment = Deployment.prepared(aws, folder / "terraform")
        secrets = deployment.client("secretsmanager")
        arn = secrets.create_secret(Name="gateway", SecretString=GATEWAY)["ARN"]
        certificate = deployment.client("acm").request_certificate(DomainName="stream.example.com")["CertificateArn"]
        deployment.apply(
            "first",
            certificate_arn=certificate,
            gateway_secret_arns=[arn],
            cors_origins=["https://app.example.com"],
        )
        yield deployment
        print(json.dumps(deployment.took))  # noqa: T201 - shown by pytest -s


@pytest.fixture(scope="module")
def fargate(first: Deployment) -> Deployment:
    """Applied with an image."""
    first.apply("image", streamer_image=IMAGE)
    return first


@dataclass(frozen=True, slots=True)
class Rival:
    """Another state, applied with the same name and variables, then destroyed."""

    said: str
    calls: list[Call]
    """Of its apply."""
    has: set[str]
    """Types of what its apply has left in its state."""
    ended: list[Call]
    """Its calls at the destroy."""
    left: set[str]


@pytest.fixture(scope="module")
def rival(fargate: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Rival:
    """Refused."""
    second = Deployment.prepared(fargate.aws, tmp_path_factory.mktemp("rival") / "terraform", **fargate.variables)
    second.who = "rival"
    said, calls = second.refused("apply")
    has = second.managed()
    before = len(fargate.aws.calls())
    second.destroy()
    ended = [call for call in fargate.aws.calls()[before:] if call.who == second.who]
    fargate.took |= {f"rival's {step}": seconds for step, seconds in second.took.items()}
    return Rival(said, calls, has, ended, second.managed())


@pytest.fixture(scope="module")
def in_lambda(fargate: Deployment, rival: Rival) -> Deployment:
    """Switched over; an item was there before."""
    fargate.client("dynamodb").put_item(TableName=SENTIMENT, Item=item("wire:kept"))
    fargate.push_image()
    fargate.apply("to lambda", streamer_deployment="lambda")
    return fargate


@pytest.fixture(scope="module")
def back(in_lambda: Deployment) -> Deployment:
    """Switched back, and protected from now on."""
    in_lambda.apply("to fargate", streamer_deployment=None, deletion_protection=True, force_delete=False)
    return in_lambda


@dataclass(frozen=True, slots=True)
class Refused:
    """What would remove something that is protected."""

    said: str
    calls: list[Call]


@pytest.fixture(scope="module")
def kept(back: Deployment) -> dict[str, Refused]:
    """In vain: a switch, another name, and a destroy, whose own variables change nothing."""
    given = back.variables
    found = {}
    for what, command, changed in (
        ("switch", "apply", {"streamer_deployment": "lambda"}),
        ("name", "apply", {"name": "another"}),
        ("destroy", "destroy", {"deletion_protection": False, "force_delete": True}),
    ):
        back.variables = given | changed
        found[what] = Refused(*back.refused(command))
    back.variables = given
    return found


@dataclass(frozen=True, slots=True)
class Destroyed:
    """What is left, and what happened on the way."""

    deployment: Deployment
    said: str
    queue: str
    """Of a container that was killed before."""
    calls: list[Call]
    """Of the destroy."""

    def at(self, service: str, action: str) -> int:
        """When this was asked for; it was, once."""
        (found,) = (
            position
            for position, call in enumerate(self.calls)
            if (call.who, call.service, call.action) == ("terraform", service, action)
        )
        return found


@pytest.fixture(scope="module")
def destroyed(back: Deployment, kept: dict[str, Refused]) -> Destroyed:
    """A container is killed, and leaves its queue; then everything is taken down as docs/operations.md says, with an
    image in the repository."""
    queue = asyncio.run(killed(back))
    assert back.client("ecr").list_images(repositoryName=f"{NAME}-streamer")["imageIds"]
    back.apply("take down", deletion_protection=False, force_delete=True)
    before = len(back.aws.calls())
    said = back.destroy()
    return Destroyed(back, said, queue, back.aws.calls()[before:])


async def killed(deployment: Deployment) -> str:
    async with serving(container(deployment)) as service:
        (taken,) = (line for line in service.log if line["message"] == "lease taken")
        service.process.send_signal(signal.SIGKILL)
        await service.process.wait()
    name: str = taken["queue"]
    return name


def container(deployment: Deployment) -> dict[str, str]:
    """What the container has: Terraform's environment, ECS's credentials, and a network that ends at this machine."""
    return deployment.task_environment() | {
        "AWS_ENDPOINT_URL": deployment.aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": "container",
        "AWS_SECRET_ACCESS_KEY": "test",
        "NO_PROXY": "127.0.0.1",
        "SSE_HOST": "127.0.0.1",
        "SSE_RECEIVE_WAIT": "1",
        "SSE_DRAIN_WINDOW": "0.2",
    }


def request(method: str, path: str, body: object = None, **headers: str) -> dict[str, Any]:
    """A Function URL's event."""
    event: dict[str, Any] = json.loads(REQUEST.read_text())
    http = event["requestContext"]["http"] | {"method": method, "path": path}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return event | {
        "rawPath": path,
        "headers": event["headers"] | named | {"content-type": "application/json"},
        "requestContext": event["requestContext"] | {"http": http},
        "body": None if body is None else json.dumps(body),
    }


def item(name: str) -> dict[str, Any]:
    """A new scored item, as DynamoDB writes it."""
    return {
        "source_id": {"S": name},
        "timestamp": {"S": iso_time(wall_ms())},
        "sentiment": {"S": "positive"},
        "score": {"N": "0.82"},
        "matched_tickers": {"L": [{"S": "AAPL"}]},
    }


def missing(call: Any, **arguments: object) -> bool:
    """Whether AWS says that there is no such thing."""
    try:
        call(**arguments)
    except ClientError as error:
        return "NotFound" in error.response["Error"]["Code"]
    return False


# The first apply


def test_the_first_apply_needs_no_image_and_says_how_to_go_on(first: Deployment) -> None:
    found = first.outputs()
    assert found["next_steps"].startswith("The streaming service has no image yet")
    assert f"docker push {found['repository_url']}:" in found["next_steps"]
    kept = f'streamer_image = "{found["repository_url"]}:'
    assert kept in found["next_steps"], "an apply without it ends the service"
    assert IMAGE.startswith(found["repository_url"])
    assert first.client("ecs").list_services(cluster=NAME)["serviceArns"] == []
    assert first.client("ecs").list_task_definitions()["taskDefinitionArns"] == []
    assert "service_name" not in found, "an output that is null is none"


# Containers


def test_with_an_image_the_service_runs_and_nothing_is_left_to_do(fargate: Deployment) -> None:
    found = fargate.outputs()
    assert found["next_steps"].startswith("Nothing")
    ecs = fargate.client("ecs")
    (service,) = ecs.describe_services(cluster=found["cluster_name"], services=[found["service_name"]])["services"]
    assert (service["status"], service["desiredCount"]) == ("ACTIVE", 2)
    task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    (streamer,) = task["containerDefinitions"]
    assert streamer["image"] == IMAGE
    assert streamer["readonlyRootFilesystem"] is True
    assert streamer["stopTimeout"] == 45
    assert not streamer.get("secrets")


def test_a_plan_after_it_is_empty_and_stays_it_when_another_state_has_tried(fargate: Deployment, rival: Rival) -> None:
    assert fargate.changes() == ""


def test_another_state_is_refused_and_adopts_nothing(rival: Rival) -> None:
    assert f"Role with name {NAME}-schedules already exists" in rival.said
    adopted = {
        *("aws_sns_topic", "aws_sqs_queue", "aws_ecs_cluster", "aws_scheduler_schedule_group"),
        *("aws_cloudwatch_dashboard", "aws_lb", "aws_lb_target_group", "aws_lambda_invocation"),
    }
    assert rival.has.isdisjoint(adopted)
    assert {call.action for call in rival.calls}.isdisjoint({"CreateTopic", "CreateQueue", "CreateCluster"})
    assert not [call for call in rival.calls if "schedule-groups" in call.action and "POST" in call.action]


def test_its_own_destroy_removes_what_it_made(rival: Rival) -> None:
    assert rival.left == set()
    removed = {call.action for call in rival.ended if call.action.startswith("Delete")}
    assert removed <= {
        *("DeleteSecret", "DeleteVpc", "DeleteSubnet", "DeleteRoute", "DeleteRouteTable", "DeleteInternetGateway"),
        "DeleteVpcEndpoints",
        *("DeleteSecurityGroup",),
    }


def test_what_the_relay_may_do(fargate: Deployment) -> None:
    dynamodb = fargate.client("dynamodb")
    streams = [dynamodb.describe_table(TableName=name)["Table"]["LatestStreamArn"] for name in (SENTIMENT, USERS)]
    assert fargate.statements(f"{NAME}-relay") == {
        "ReadStreams": allow("dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator", *streams),
        "FindStreams": allow("dynamodb:ListStreams", f"{table(SENTIMENT)}/stream/*", f"{table(USERS)}/stream/*"),
        "PublishChanges": allow("sns:Publish", TOPIC),
        "KeepFailures": allow("sqs:SendMessage", FAILURES),
        "WriteLogs": allow("logs:CreateLogStream logs:PutLogEvents", logs(f"/aws/lambda/{NAME}-relay")),
    }


READING = {
    "QuerySentiment": allow("dynamodb:Query", f"{table(SENTIMENT)}/index/by_sentiment"),
    "ReadConfigurations": allow("dynamodb:GetItem dynamodb:BatchGetItem dynamodb:Query", table(USERS)),
}


def streaming(deployment: Deployment) -> dict[str, dict[str, Any]]:
    secrets = [*deployment.variables["gateway_secret_arns"], *deployment.outputs()["ticket_secret_arns"]]
    assert len(secrets) == 2
    return READING | {
        "ReadSentiment": allow("dynamodb:BatchGetItem", table(SENTIMENT)),
        "ReadSecrets": allow("secretsmanager:GetSecretValue", *secrets),
    }


def test_what_rest_may_do(fargate: Deployment) -> None:
    assert fargate.statements(f"{NAME}-rest") == READING | {
        "WriteConfigurations": allow(
            "dynamodb:ConditionCheckItem dynamodb:DeleteItem dynamodb:PutItem dynamodb:UpdateItem", table(USERS)
        ),
        "ReadGatewaySecret": allow("secretsmanager:GetSecretValue", *fargate.variables["gateway_secret_arns"]),
        "WriteLogs": allow("logs:CreateLogStream logs:PutLogEvents", logs(f"/aws/lambda/{NAME}-rest")),
    }


def test_what_the_reaper_may_do(fargate: Deployment) -> None:
    assert fargate.statements(f"{NAME}-reaper") == {
        "FindQueues": allow("sqs:ListQueues", "*"),
        "RemoveQueues": allow("sqs:DeleteQueue sqs:GetQueueUrl sqs:ListQueueTags", QUEUES),
        "FindSubscriptions": allow("sns:ListSubscriptionsByTopic", TOPIC),
        "RemoveSubscriptions": allow("sns:Unsubscribe", "*"),
        "WriteLogs": allow("logs:CreateLogStream logs:PutLogEvents", logs(f"/aws/lambda/{NAME}-reaper")),
    }


def test_what_runs_the_reaper_at_a_destroy_may_do(fargate: Deployment) -> None:
    assert fargate.statements(f"{NAME}-end") == {"RunReaper": allow("lambda:InvokeFunction", function("reaper"))}


def test_what_a_container_may_do(fargate: Deployment) -> None:
    assert fargate.statements(f"{NAME}-streamer") == streaming(fargate) | {
        "MakeOwnQueues": allow(
            "sqs:CreateQueue",
            QUEUES,
            StringEquals={"aws:RequestTag/deployment": NAME, "aws:RequestTag/managed-by": "terraform"},
        ),
        "OwnQueues": allow(
            "sqs:DeleteMessage sqs:DeleteQueue sqs:GetQueueAttributes sqs:ReceiveMessage sqs:TagQueue", QUEUES
        ),
        "SubscribeOwnQueues": allow(
            "sns:Subscribe", TOPIC, StringEquals={"sns:Protocol": "sqs"}, StringLike={"sns:Endpoint": QUEUES}
        ),
        "Subscriptions": allow("sns:GetSubscriptionAttributes sns:Unsubscribe", "*"),
    }


def test_what_starts_a_container_may_do(fargate: Deployment) -> None:
    assert fargate.statements(f"{NAME}-streamer-start") == {
        "SignIn": allow("ecr:GetAuthorizationToken", "*"),
        "FetchImage": allow(
            "ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:GetDownloadUrlForLayer",
            f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{NAME}-streamer",
        ),
        "WriteLogs": allow("logs:CreateLogStream logs:PutLogEvents", logs(f"/ecs/{NAME}-streamer")),
    }


def test_what_the_schedules_may_do_and_what_they_say(fargate: Deployment) -> None:
    assert fargate.statements(f"{NAME}-schedules") == {
        "Invoke": allow("lambda:InvokeFunction", function("relay"), function("reaper")),
    }
    scheduler = fargate.client("scheduler")
    told = {}
    for name in ("canary", "reaper"):
        schedule = scheduler.get_schedule(GroupName=NAME, Name=f"{NAME}-{name}")
        told[name] = (
            schedule["ScheduleExpression"],
            schedule["Target"]["Arn"],
            json.loads(schedule["Target"]["Input"]),
        )
    assert told == {
        "canary": ("rate(1 minute)", function("relay"), {"canary": True}),
        "reaper": ("rate(1 hour)", function("reaper"), {"prune": {}}),
    }


def test_no_role_has_all_actions_and_each_is_one_services(fargate: Deployment) -> None:
    iam = fargate.client("iam")
    trusted = {}
    for role in iam.list_roles()["Roles"]:
        statements = fargate.statements(role["RoleName"]).values()
        assert not [action for statement in statements for action in statement["Action"] if "*" in action]
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Action"] == "sts:AssumeRole"
        trusted[role["RoleName"]] = trust["Principal"]["Service"], bool(trust.get("Condition"))
    assert trusted == {
        f"{NAME}-relay": ("lambda.amazonaws.com", True),
        f"{NAME}-rest": ("lambda.amazonaws.com", True),
        f"{NAME}-reaper": ("lambda.amazonaws.com", True),
        f"{NAME}-end": ("lambda.amazonaws.com", True),
        f"{NAME}-streamer": ("ecs-tasks.amazonaws.com", True),
        f"{NAME}-streamer-start": ("ecs-tasks.amazonaws.com", True),
        f"{NAME}-schedules": ("scheduler.amazonaws.com", True),
    }


def test_both_tables_feed_the_relay(fargate: Deployment) -> None:
    mappings = fargate.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert sorted(mapping["EventSourceArn"].split("/")[1] for mapping in mappings) == sorted([SENTIMENT, USERS])
    for mapping in mappings:
        assert mapping["FunctionArn"] == function("relay")
        assert mapping["BatchSize"] == 100
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["BisectBatchOnFunctionError"] is True
        assert mapping["MaximumRecordAgeInSeconds"] == 21_600
        assert mapping["MaximumRetryAttempts"] == -1
        assert mapping["DestinationConfig"] == {"OnFailure": {"Destination": FAILURES}}
        assert mapping["StartingPosition"] == "LATEST"
        assert not mapping.get("MaximumBatchingWindowInSeconds"), "it would delay a lone change"


LOAD_BALANCER = {"Service": "elasticloadbalancing.amazonaws.com"}


def through_its_url_alone(deployment: Deployment, name: str) -> None:
    """Nobody outside the account may invoke it with an event of their own making; a load balancer of ours may."""
    policy = json.loads(deployment.client("lambda").get_policy(FunctionName=f"{NAME}-{name}")["Policy"])
    statements = [statement for statement in policy["Statement"] if statement["Principal"] != LOAD_BALANCER]
    opened = {statement["Action"]: statement for statement in statements}
    assert opened.keys() == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}
    assert len(opened) == len(statements)
    assert opened["lambda:InvokeFunctionUrl"]["FunctionUrlAuthType"] == "NONE"
    assert opened["lambda:InvokeFunction"]["InvokedViaFunctionUrl"] is True


def test_functions_are_invoked_through_their_urls_and_schedules_alone(fargate: Deployment) -> None:
    client = fargate.client("lambda")
    for name in ("relay", "reaper", "end"):
        assert missing(client.get_policy, FunctionName=f"{NAME}-{name}"), "roles of this account invoke it, nobody else"
        assert missing(client.get_function_url_config, FunctionName=f"{NAME}-{name}")
    url = client.get_function_url_config(FunctionName=f"{NAME}-rest")
    assert (url["InvokeMode"], url["AuthType"]) == ("BUFFERED", "NONE")
    assert "Cors" not in url, "the application's own headers would be doubled"
    assert fargate.outputs()["rest_base_url"] == url["FunctionUrl"].rstrip("/")
    through_its_url_alone(fargate, "rest")


def test_functions_are_what_the_packages_hold(fargate: Deployment) -> None:
    functions = {found["FunctionName"]: found for found in fargate.client("lambda").list_functions()["Functions"]}
    handlers = {
        "relay": "ingest_relay.handler.handler",
        "rest": "streamer.rest.handler",
        "reaper": "streamer.reaper_function.handler",
    }
    assert functions.keys() == {f"{NAME}-{name}" for name in (*handlers, "end")}
    for name, handler in handlers.items():
        found = functions[f"{NAME}-{name}"]
        assert (found["Handler"], found["Runtime"], found["Architectures"]) == (handler, "python3.13", ["arm64"])


def test_nobody_outside_the_account_reaches_topic_and_queue(fargate: Deployment) -> None:
    attributes = fargate.client("sns").get_topic_attributes(TopicArn=TOPIC)["Attributes"]
    assert attributes["KmsMasterKeyId"] == "alias/aws/sns"
    for statement in json.loads(attributes["Policy"])["Statement"]:
        if statement["Effect"] == "Allow":
            assert statement["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    sqs = fargate.client("sqs")
    queue = sqs.get_queue_url(QueueName=f"{NAME}-relay-failures")["QueueUrl"]
    kept = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert kept["SqsManagedSseEnabled"] == "true"
    assert kept["MessageRetentionPeriod"] == str(14 * 24 * 3600)
    assert "Policy" not in kept


def test_the_load_balancer_lets_streams_live_and_end(fargate: Deployment) -> None:
    client = fargate.client("elbv2")
    (balancer,) = client.describe_load_balancers()["LoadBalancers"]
    said = client.describe_load_balancer_attributes(LoadBalancerArn=balancer["LoadBalancerArn"])["Attributes"]
    front = {attribute["Key"]: attribute["Value"] for attribute in said}
    assert front["idle_timeout.timeout_seconds"] == "60"
    assert front["routing.http2.enabled"] == "true"
    (group,) = (found for found in client.describe_target_groups()["TargetGroups"] if found["TargetType"] != "lambda")
    assert (group["HealthCheckPath"], group["TargetType"]) == ("/health/ready", "ip")
    said = client.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])["Attributes"]
    behind = {attribute["Key"]: attribute["Value"] for attribute in said}
    lifetime = float(fargate.task_environment()["SSE_LIFETIME"])
    assert float(behind["deregistration_delay.timeout_seconds"]) == lifetime + 60
    assert behind["load_balancing.algorithm.type"] == "least_outstanding_requests"
    (service,) = fargate.client("ecs").describe_services(cluster=NAME, services=[f"{NAME}-streamer"])["services"]
    assert service["loadBalancers"][0]["targetGroupArn"] == group["TargetGroupArn"]


def test_one_host_writes_through_rest_and_gives_tickets_where_streams_are(fargate: Deployment) -> None:
    client = fargate.client("elbv2")
    groups = {group["TargetGroupArn"]: group["TargetType"] for group in client.describe_target_groups()["TargetGroups"]}
    (balancer,) = client.describe_load_balancers()["LoadBalancers"]
    listeners = client.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    (https,) = (listener["ListenerArn"] for listener in listeners if listener["Protocol"] == "HTTPS")
    found = client.describe_rules(ListenerArn=https)["Rules"]
    assert [
        (
            rule["Priority"],
            {condition["Field"]: values(condition) for condition in rule["Conditions"]},
            groups[rule["Actions"][0]["TargetGroupArn"]],
        )
        for rule in sorted(found, key=lambda rule: (rule["IsDefault"], rule["Priority"]))
    ] == [
        ("100", {"path-pattern": ["/api/v2/configurations/*/stream/tickets"]}, "ip"),
        ("101", {"http-request-method": METHODS, "path-pattern": ["/api/v2/configurations*"]}, "lambda"),
        ("default", {}, "ip"),
    ]
    (rest,) = (arn for arn, kind in groups.items() if kind == "lambda")
    policy = json.loads(fargate.client("lambda").get_policy(FunctionName=f"{NAME}-rest")["Policy"])
    (allowing,) = (statement for statement in policy["Statement"] if statement["Principal"] == LOAD_BALANCER)
    assert (allowing["Action"], allowing["Condition"]["ArnLike"]) == ("lambda:InvokeFunction", {"AWS:SourceArn": rest})


METHODS = ["DELETE", "PATCH", "POST"]


def values(condition: dict[str, Any]) -> list[str]:
    """Of a listener rule's condition, wherever they stand."""
    (config,) = (found for key, found in condition.items() if key.endswith("Config"))
    return sorted(config["Values"])


def test_logs_end_and_images_are_scanned_and_stay_what_they_are(fargate: Deployment) -> None:
    groups = fargate.client("logs").describe_log_groups()["logGroups"]
    assert {group["logGroupName"]: group["retentionInDays"] for group in groups} == {
        f"/aws/lambda/{NAME}-relay": 30,
        f"/aws/lambda/{NAME}-rest": 30,
        f"/aws/lambda/{NAME}-reaper": 30,
        f"/ecs/{NAME}-streamer": 30,
    }
    ecr = fargate.client("ecr")
    (repository,) = ecr.describe_repositories()["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    rules = json.loads(ecr.get_lifecycle_policy(repositoryName=f"{NAME}-streamer")["lifecyclePolicyText"])["rules"]
    assert [rule["action"]["type"] for rule in rules] == ["expire"]


def test_tables_are_kept_and_have_what_queries_read(fargate: Deployment) -> None:
    dynamodb = fargate.client("dynamodb")
    for name in (SENTIMENT, USERS):
        found = dynamodb.describe_table(TableName=name)["Table"]
        assert found["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    (index,) = dynamodb.describe_table(TableName=SENTIMENT)["Table"]["GlobalSecondaryIndexes"]
    assert index["Projection"]["ProjectionType"] == "INCLUDE"
    expires = dynamodb.describe_time_to_live(TableName=SENTIMENT)["TimeToLiveDescription"]
    assert expires["AttributeName"] == "ttl_timestamp"


def test_everything_has_its_tags(fargate: Deployment) -> None:
    state = json.loads((fargate.folder / "terraform.tfstate").read_text())
    tagged, bare = set(), set()
    for resource in state["resources"]:
        for instance in resource["instances"] if resource["mode"] == "managed" else ():
            tags = instance["attributes"].get("tags", "takes none")
            if tags == "takes none":
                continue
            if {"deployment": NAME, "managed-by": "terraform"}.items() <= (tags or {}).items():
                tagged.add(resource["type"])
            else:
                bare.add(resource["type"])
    assert bare == set()
    assert {"aws_lambda_function", "aws_dynamodb_table", "aws_sns_topic", "aws_ecs_service", "aws_lb"} <= tagged


def test_no_secret_is_on_disk_or_in_an_environment(fargate: Deployment) -> None:
    (arn,) = fargate.outputs()["ticket_secret_arns"]
    ticket = fargate.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    assert len(ticket) == 64
    seen = (
        fargate.written(),
        json.dumps(fargate.task_environment()),
        *(json.dumps(fargate.function_environment(f"{NAME}-{name}")) for name in ("relay", "rest", "reaper")),
    )
    for text in seen:
        assert ticket not in text
        assert GATEWAY not in text
    assert fargate.task_environment()["TICKET_SECRET"] == arn
    for name in ("relay", "rest", "reaper"):
        assert arn not in fargate.function_environment(f"{NAME}-{name}").values(), "none of them seals or opens tickets"


# What was applied, in use


@dataclass(frozen=True, slots=True)
class Used:
    """What a client of a container saw, and what the functions answered."""

    told: list[str]
    """Items, by name: of a batch given to the relay, then of a write to the table."""
    opened: str
    """The first event of a configuration's stream."""
    status: dict[str, Any]
    subscriptions: list[Any]
    """Left when the container had ended."""
    counted: dict[str, Any]
    pruned: dict[str, Any]


@pytest.fixture(scope="module")
def used(fargate: Deployment) -> Used:
    """A container lives and ends; relay and REST are invoked."""
    told, opened, status = asyncio.run(followed(fargate))
    return Used(
        told,
        opened,
        status,
        fargate.client("sns").list_subscriptions()["Subscriptions"],
        fargate.ask(f"{NAME}-rest", request("GET", "/api/v2/metrics", origin="https://app.example.com")),
        fargate.invoke(f"{NAME}-reaper", {"prune": {}}),
    )


async def followed(deployment: Deployment) -> tuple[list[str], str, dict[str, Any]]:
    batch = json.loads((EVENTS / "insert-positive-neutral-negative.json").read_text())
    arn = deployment.client("dynamodb").describe_table(TableName=SENTIMENT)["Table"]["LatestStreamArn"]
    for record in batch["Records"]:
        record["eventSourceARN"] = arn
    async with serving(container(deployment)) as service:
        await asyncio.to_thread(deployment.invoke, f"{NAME}-relay", {"canary": True})
        await service.line("mode switched", mode="push")
        async with stream(service.base, "?events=sentiment_update") as events:
            await events.until("connected")
            answer = await asyncio.to_thread(deployment.invoke, f"{NAME}-relay", batch)
            assert answer == {"batchItemFailures": []}
            told = [(await events.until("sentiment_update"))["data"]["source_id"] for _ in range(6)]
            # The emulated stream invokes the relay, by the applied mapping, before it answers.
            await asyncio.to_thread(
                lambda: deployment.client("dynamodb", "writer").put_item(TableName=SENTIMENT, Item=item("wire:new"))
            )
            told.append((await events.until("sentiment_update"))["data"]["source_id"])
            opened = await configured(deployment, service)
        status = await service.status()
        assert await service.stop() == 0
    return told, opened, status


async def configured(deployment: Deployment, service: ServiceProcess) -> str:
    """A configuration is made through REST, and its stream opened with a ticket."""
    ada = {"x-gateway-secret": GATEWAY, "x-user-id": "ada"}
    headers = {key.replace("-", "_"): ada[key] for key in ada}
    for attempt in itertools.count():  # after a 503, as Deployment.ask; by another name, since the first may be taken
        body = {"name": f"Silicon {attempt}", "tickers": ["NVDA"]}
        asked = request("POST", "/api/v2/configurations", body, **headers)
        made = await asyncio.to_thread(deployment.invoke, f"{NAME}-rest", asked)
        if made["statusCode"] != 503:
            break
    assert made["statusCode"] == 201, made
    async with httpx.AsyncClient(base_url=service.base, trust_env=False, timeout=WATCHDOG) as client:
        tickets = f"{made['headers']['location']}/stream/tickets"
        while (minted := await client.post(tickets, headers=ada)).status_code == 503:
            pass  # as Deployment.ask
        assert minted.status_code == 201, minted.text
        async with client.stream("GET", minted.json()["stream"]) as opened:
            assert opened.status_code == 200
            async for line in opened.aiter_lines():
                if line.startswith("event: "):
                    return line.removeprefix("event: ")
    raise EOFError("the stream has ended")


def test_a_change_goes_through_what_was_applied_to_a_client(used: Used) -> None:
    assert used.told[:6] == ["wire:0001"] * 2 + ["wire:0002"] + ["wire:0003"] * 3
    assert used.told[6] == "wire:new"
    assert used.status["mode"] == "push"
    assert used.status["counters"].get("items_missed", 0) == 0, "each came by its queue, none by a query"
    assert used.subscriptions == [], "it has taken its queue along"


def test_a_containers_queue_has_the_tags_that_its_role_requires(used: Used, fargate: Deployment) -> None:
    made = [call for call in fargate.aws.calls() if (call.who, call.action) == ("container", "CreateQueue")]
    (required,) = fargate.statements(f"{NAME}-streamer")["MakeOwnQueues"]["Condition"].values()
    for call in made:
        assert required.items() <= {f"aws:RequestTag/{key}": value for key, value in call.body["tags"].items()}.items()
    assert made
    assert used.subscriptions == []


def test_a_configuration_that_rest_made_is_streamed_by_ticket(used: Used) -> None:
    assert used.opened == "connected"


def test_rest_answers_in_the_environment_that_it_was_given(used: Used) -> None:
    assert used.counted["statusCode"] == 200
    assert used.counted["headers"]["access-control-allow-origin"] == "https://app.example.com"
    assert json.loads(used.counted["body"])["total"] == 1


def test_the_hourly_reaper_finds_nothing_to_do(used: Used) -> None:
    assert (used.pruned["removed"], used.pruned["failed"]) == (0, 0)


CALLED_OTHERWISE = {
    ("sqs", "CreateQueue"): ["sqs:CreateQueue", "sqs:TagQueue"],  # it comes with tags
    ("sqs", "DeleteMessageBatch"): ["sqs:DeleteMessage"],
    ("sns", "PublishBatch"): ["sns:Publish"],
}
"""Rights that are not called like the call."""


def resource(call: Call) -> str:
    """The ARN that IAM would look at."""
    match call.service, call.body:
        case "dynamodb", {"RequestItems": requests}:
            (name,) = requests
            return table(name)
        case "dynamodb", {"TransactItems": [first, *_]}:
            (inner,) = first.values()
            return table(inner["TableName"])
        case "dynamodb", {"TableName": name, "IndexName": index}:
            return f"{table(name)}/index/{index}"
        case "dynamodb", {"TableName": name}:
            return table(name)
        case "sqs", {"QueueUrl": url}:
            return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}"
        case "sqs", {"QueueName": name}:
            return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        case "sns", {"TopicArn": arn}:
            return str(arn)
        case "secretsmanager", {"SecretId": arn}:
            return str(arn)
        case _:
            return "*"


def rights(call: Call) -> list[str]:
    """What IAM would ask for."""
    if call.action == "TransactWriteItems":
        kinds = {
            "Put": "PutItem",
            "Update": "UpdateItem",
            "Delete": "DeleteItem",
            "ConditionCheck": "ConditionCheckItem",
        }
        return [f"dynamodb:{kinds[kind]}" for part in call.body["TransactItems"] for kind in part]
    return CALLED_OTHERWISE.get((call.service, call.action), [f"{call.service}:{call.action}"])


@pytest.mark.parametrize(
    ("who", "role", "at_least"),
    [
        (
            "container",
            "streamer",
            {"sqs:CreateQueue", "sqs:DeleteQueue", "dynamodb:Query", "secretsmanager:GetSecretValue"},
        ),
        (f"{NAME}-relay", "relay", {"sns:Publish"}),
        (f"{NAME}-rest", "rest", {"dynamodb:PutItem", "dynamodb:Query", "secretsmanager:GetSecretValue"}),
        (f"{NAME}-reaper", "reaper", {"sqs:ListQueues"}),
    ],
)
def test_each_was_allowed_to_do_what_it_did(
    used: Used, fargate: Deployment, who: str, role: str, at_least: set[str]
) -> None:
    """The emulator allows everything; the applied policies are asked here."""
    statements = fargate.statements(f"{NAME}-{role}")
    asked = {
        (right, resource(call))
        for call in fargate.aws.calls()
        if call.who == who and call.action != "invoked"
        for right in rights(call)
    }
    assert {right for right, _ in asked} >= at_least
    assert [each for each in asked if not allowed(statements, *each)] == []


# A function in place of the containers, and back


def test_switched_to_a_function_a_plan_is_empty_and_the_tables_have_kept_their_items(in_lambda: Deployment) -> None:
    assert in_lambda.changes() == ""
    found = in_lambda.client("dynamodb").scan(TableName=SENTIMENT)["Items"]
    assert "wire:kept" in {each["source_id"]["S"] for each in found}


def test_the_functions_url_streams_and_lets_nobody_forge(in_lambda: Deployment) -> None:
    client = in_lambda.client("lambda")
    url = client.get_function_url_config(FunctionName=f"{NAME}-stream")
    assert (url["InvokeMode"], url["AuthType"]) == ("RESPONSE_STREAM", "NONE")
    assert client.get_function_url_config(FunctionName=f"{NAME}-rest")["InvokeMode"] == "BUFFERED"
    assert in_lambda.outputs()["sse_base_url"] == url["FunctionUrl"].rstrip("/")
    through_its_url_alone(in_lambda, "stream")
    found = client.get_function(FunctionName=f"{NAME}-stream")
    assert (found["Configuration"]["PackageType"], found["Code"]["ImageUri"]) == ("Image", IMAGE)
    assert found["Configuration"]["Timeout"] == 900
    assert found["Concurrency"]["ReservedConcurrentExecutions"] == 50
    policy = json.loads(in_lambda.client("ecr").get_repository_policy(repositoryName=f"{NAME}-streamer")["policyText"])
    assert [statement["Principal"] for statement in policy["Statement"]] == [{"Service": "lambda.amazonaws.com"}]


def test_it_may_read_and_nothing_else(in_lambda: Deployment) -> None:
    assert in_lambda.statements(f"{NAME}-stream") == streaming(in_lambda) | {
        "WriteLogs": allow("logs:CreateLogStream logs:PutLogEvents", logs(f"/aws/lambda/{NAME}-stream")),
    }


async def test_the_service_polls_in_the_functions_environment(in_lambda: Deployment) -> None:
    given = in_lambda.function_environment(f"{NAME}-stream")
    assert given["AWS_LWA_INVOKE_MODE"] == "response_stream"
    environment = given | {
        "AWS_ENDPOINT_URL": in_lambda.aws.endpoint_url,
        "AWS_REGION": REGION,  # as Lambda does, both
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "function",
        "AWS_LAMBDA_FUNCTION_NAME": f"{NAME}-stream",
        "SSE_HOST": "127.0.0.1",
        "SSE_POLL_INTERVAL": "0.3",
    }
    async with serving(environment, until="serving") as service:
        await service.line("ready")
        async with stream(service.base, "?events=sentiment_update") as events:
            assert (await events.until("connected"))["data"]["mode"] == "poll"
            await asyncio.to_thread(
                lambda: in_lambda.client("dynamodb").put_item(TableName=SENTIMENT, Item=item("wire:polled"))
            )
            while (await events.until("sentiment_update"))["data"]["source_id"] != "wire:polled":
                pass
    statements = in_lambda.statements(f"{NAME}-stream")
    asked = [
        (right, resource(call)) for call in in_lambda.aws.calls() if call.who == "function" for right in rights(call)
    ]
    assert asked
    assert [each for each in asked if not allowed(statements, *each)] == []


def test_nothing_of_the_containers_is_left(in_lambda: Deployment) -> None:
    ecs = in_lambda.client("ecs")
    assert ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"] == []
    assert in_lambda.client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    assert f"{NAME}-streamer" not in {role["RoleName"] for role in in_lambda.client("iam").list_roles()["Roles"]}


def test_switched_back_a_plan_is_empty_and_the_function_is_gone(back: Deployment) -> None:
    assert back.changes() == ""
    names = {found["FunctionName"] for found in back.client("lambda").list_functions()["Functions"]}
    assert names == {f"{NAME}-relay", f"{NAME}-rest", f"{NAME}-reaper", f"{NAME}-end"}
    (service,) = back.client("ecs").describe_services(cluster=NAME, services=[f"{NAME}-streamer"])["services"]
    assert service["status"] == "ACTIVE"


# The end


def test_a_destroy_of_what_is_protected_removes_nothing_and_says_the_remedy(kept: dict[str, Refused]) -> None:
    assert [call for call in kept["destroy"].calls if not call.action.startswith(READS)] == []
    for refused in kept.values():
        assert f"{NAME} has deletion_protection, nothing was destroyed." in refused.said
        assert "terraform apply -var deletion_protection=false -var force_delete=true" in refused.said


def test_a_switch_and_another_name_remove_nothing_that_is_protected(kept: dict[str, Refused]) -> None:
    for refused in kept.values():
        assert [call for call in refused.calls if call.action.startswith(("Delete", "DELETE"))] == []


def test_a_destroy_says_where_to_look_for_what_the_reaper_left(destroyed: Destroyed) -> None:
    assert f"aws sqs list-queues --region {REGION} --queue-name-prefix {NAME}-stream-" in destroyed.said


def test_a_destroy_leaves_nothing(destroyed: Destroyed) -> None:
    aws = destroyed.deployment
    ecs = aws.client("ecs")
    clusters = ecs.list_clusters()["clusterArns"]
    active = [found for found in ecs.describe_clusters(clusters=clusters)["clusters"] if found["status"] == "ACTIVE"]
    left = {
        "clusters": active,
        "tasks": ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"],
        "balancers": aws.client("elbv2").describe_load_balancers()["LoadBalancers"],
        "groups": aws.client("elbv2").describe_target_groups()["TargetGroups"],
        "functions": aws.client("lambda").list_functions()["Functions"],
        "mappings": aws.client("lambda").list_event_source_mappings()["EventSourceMappings"],
        "tables": aws.client("dynamodb").list_tables()["TableNames"],
        "topics": aws.client("sns").list_topics()["Topics"],
        "subscriptions": aws.client("sns").list_subscriptions()["Subscriptions"],
        "queues": aws.client("sqs").list_queues().get("QueueUrls", []),
        "repositories": aws.client("ecr").describe_repositories()["repositories"],
        "roles": aws.client("iam").list_roles()["Roles"],
        "logs": aws.client("logs").describe_log_groups()["logGroups"],
        "schedules": aws.client("scheduler").list_schedules()["Schedules"],
        "schedule groups": [
            group for group in aws.client("scheduler").list_schedule_groups()["ScheduleGroups"] if group["Name"] == NAME
        ],
        "secrets": [
            secret
            for secret in aws.client("secretsmanager").list_secrets()["SecretList"]
            if secret["Name"] != "gateway"
        ],
        "stacks": aws.client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE"])["StackSummaries"],
        "dashboards": aws.client("cloudwatch").list_dashboards()["DashboardEntries"],
        "networks": [vpc for vpc in aws.client("ec2").describe_vpcs()["Vpcs"] if not vpc["IsDefault"]],
    }
    assert {name: found for name, found in left.items() if found} == {}


def test_the_reaper_takes_a_dead_containers_queue_before_its_rights_go(destroyed: Destroyed) -> None:
    invoked = [
        (position, call)
        for position, call in enumerate(destroyed.calls)
        if (call.who, call.action) == (f"{NAME}-reaper", "invoked")
    ]
    ((position, call),) = invoked
    assert call.body["failed"] is False
    assert call.body["event"]["prune"] == {}
    assert call.body["event"]["tf"]["action"] == "delete"
    gone = {(fate["kind"], fate["name"], fate["outcome"]) for fate in call.body["answer"]["fates"]}
    assert ("queue", destroyed.queue, "removed") in gone
    assert call.body["answer"]["failed"] == 0

    asked = destroyed.at("lambda", f"POST /2015-03-31/functions/{NAME}-end/invocations")
    waited = [at for at, call in enumerate(destroyed.calls) if call.action == "DescribeServices"]
    assert destroyed.at("ecs", "DeleteService") < max(waited) < asked, "the containers have ended"
    assert position < destroyed.at("sns", "DeleteTopic")
    assert position < destroyed.at("lambda", f"DELETE /2015-03-31/functions/{NAME}-reaper")
    rights_gone = [
        at
        for at, call in enumerate(destroyed.calls)
        if call.action == "DeleteRolePolicy" and call.body["RoleName"] == f"{NAME}-reaper"
    ]
    assert len(rights_gone) == 2
    assert min(rights_gone) > position


def test_made_or_changed_the_reaper_was_told_to_do_nothing(destroyed: Destroyed) -> None:
    told = [
        (call.body["event"]["tf"]["action"], call.body["answer"])
        for call in destroyed.deployment.aws.calls()
        if (call.who, call.action) == (f"{NAME}-end", "invoked")
    ]
    assert told[0] == ("create", {})
    assert [action for action, _ in told] == ["create", "delete"]


def test_the_containers_rights_outlive_their_service(destroyed: Destroyed) -> None:
    ended = destroyed.at("ecs", "DeleteService")
    gone = [
        at
        for at, call in enumerate(destroyed.calls)
        if call.action == "DeleteRolePolicy" and call.body["RoleName"] == f"{NAME}-streamer"
    ]
    assert gone
    assert min(gone) > ended


# Beside tables that exist

NEWS, PEOPLE = "news-sentiment", "dashboard-users"


@dataclass(frozen=True, slots=True)
class Existing:
    """The history of examples/existing-tables."""

    changes: str
    rights: dict[str, dict[str, dict[str, Any]]]
    """Statements by role."""
    key: str
    environment: dict[str, str]
    mapped: set[str]
    before: Any
    during: Any
    after: Any
    """The tables: how they are described, what they hold, and their tags."""
    writes: list[Call]
    """What Terraform asked of DynamoDB that changes anything."""
    answers: list[Any]
    """To Terraform at the destroy, for which the reaper was broken."""
    left: set[str]
    """Types in the state after it."""
    took: dict[str, float]


def existing_tables(folder: Path) -> Existing:
    """Made, attached to, applied, taken down with a reaper that cannot be imported."""
    with Emulator(folder, REGION) as aws:
        deployment = Deployment.example(aws, folder, "existing-tables")
        kms = deployment.client("kms")
        key = kms.create_key()["KeyMetadata"]["Arn"]
        kms.create_alias(AliasName="alias/tables", TargetKeyId=key)
        make_tables(deployment, key)
        before = tables(deployment)
        deployment.apply("image, existing tables", streamer_image=IMAGE)
        changes = deployment.changes()
        roles = {name: deployment.statements(f"{NAME}-{name}") for name in ("relay", "rest", "streamer")}
        mappings = deployment.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        environment = deployment.task_environment()
        during = tables(deployment)
        deployment.unprotect()
        deployment.apply("take down, existing tables")
        deployment.client("lambda").update_function_configuration(
            FunctionName=f"{NAME}-reaper", Handler="no.such.handler"
        )
        deployment.destroy()
        calls = aws.calls()
        return Existing(
            changes=changes,
            rights=roles,
            key=key,
            environment=environment,
            mapped={mapping["EventSourceArn"].split("/")[1] for mapping in mappings},
            before=before,
            during=during,
            after=tables(deployment),
            writes=[
                call
                for call in calls
                if (call.who, call.service) == ("terraform", "dynamodb") and not call.action.startswith(READS)
            ],
            answers=[
                call.body["answer"]
                for call in calls
                if (call.who, call.action) == (f"{NAME}-end", "invoked")
                and call.body["event"]["tf"]["action"] == "delete"
            ],
            left=deployment.managed(),
            took=deployment.took,
        )


def make_tables(deployment: Deployment, key: str) -> None:
    dynamodb = deployment.client("dynamodb")
    given: dict[str, Any] = {
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        "SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
        "Tags": [{"Key": "owner", "Value": "newsroom"}],
    }
    for name, hash_key, range_key, more in (
        (NEWS, "source_id", "timestamp", ["sentiment"]),
        (PEOPLE, "PK", "SK", []),
    ):
        indexes = {
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": "by_sentiment",
                    "KeySchema": [
                        {"AttributeName": "sentiment", "KeyType": "HASH"},
                        {"AttributeName": "timestamp", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ]
        }
        dynamodb.create_table(
            TableName=name,
            KeySchema=[
                {"AttributeName": hash_key, "KeyType": "HASH"},
                {"AttributeName": range_key, "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": attribute, "AttributeType": "S"} for attribute in (hash_key, range_key, *more)
            ],
            **given,
            **(indexes if more else {}),
        )
    dynamodb.put_item(TableName=NEWS, Item=item("kept:1"))


def tables(deployment: Deployment) -> dict[str, Any]:
    dynamodb = deployment.client("dynamodb")
    found = {}
    for name in (NEWS, PEOPLE):
        described = dynamodb.describe_table(TableName=name)["Table"]
        found[name] = {
            "described": described,
            "items": dynamodb.scan(TableName=name)["Items"],
            "tags": dynamodb.list_tags_of_resource(ResourceArn=described["TableArn"])["Tags"],
        }
    return found


def test_existing_tables_are_read_and_left_alone(existing: Existing) -> None:
    print(json.dumps(existing.took))  # noqa: T201 - shown by pytest -s
    assert existing.changes == ""
    assert existing.before == existing.during == existing.after
    assert existing.before[NEWS]["items"]
    assert existing.writes == []


def test_existing_tables_are_what_everything_is_connected_to(existing: Existing) -> None:
    assert existing.mapped == {NEWS, PEOPLE}
    assert (existing.environment["SENTIMENT_TABLE"], existing.environment["USERS_TABLE"]) == (NEWS, PEOPLE)
    assert existing.rights["streamer"]["QuerySentiment"]["Resource"] == {f"{table(NEWS)}/index/by_sentiment"}
    for name in ("relay", "rest", "streamer"):
        decrypt = existing.rights[name]["DecryptTables"]
        assert (decrypt["Action"], decrypt["Resource"]) == ({"kms:Decrypt"}, {existing.key})


def test_a_broken_reaper_does_not_stop_a_destroy(existing: Existing) -> None:
    assert existing.left == set()
    (answer,) = existing.answers
    assert "No module named 'no'" in answer["error"]["errorMessage"]


# Lambda from the beginning


@dataclass(frozen=True, slots=True)
class Alone:
    """The history of examples/lambda."""

    changes: str
    outputs: dict[str, Any]
    left: set[str]
    """Types in the state after the destroy."""
    repositories: list[Any]
    took: dict[str, float]


def lambda_alone(folder: Path) -> Alone:
    """Applied without an image, then with one, destroyed with it."""
    with Emulator(folder, REGION) as aws:
        deployment = Deployment.example(aws, folder, "lambda")
        deployment.apply("first, lambda")
        deployment.push_image()
        deployment.unprotect()
        deployment.apply("image, lambda", streamer_image=IMAGE)
        changes, outputs = deployment.changes(), deployment.outputs()
        deployment.destroy()
        repositories = deployment.client("ecr").describe_repositories()["repositories"]
        return Alone(changes, outputs, deployment.managed(), repositories, deployment.took)


def test_the_lambda_example_applies_plans_to_nothing_and_is_destroyed_with_its_image(alone: Alone) -> None:
    print(json.dumps(alone.took))  # noqa: T201 - shown by pytest -s
    assert alone.changes == ""
    assert alone.outputs["next_steps"].startswith("Nothing")
    assert alone.outputs["dashboard_url"] == f"{alone.outputs['deployment']['sse_base_url']}/"
    assert (alone.left, alone.repositories) == (set(), [])
