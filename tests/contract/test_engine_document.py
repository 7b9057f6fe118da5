"""The OpenAPI document: complete, sound in itself, and true of what the engine does."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs
import pytest
from litestar import Litestar
from litestar.openapi import OpenAPIConfig

from api.credentials import SECURITY_SCHEMES
from api.engine.decoding import decode
from api.engine.examples import EXAMPLES
from api.engine.member_texts import MEMBER_TEXTS, SCHEMA_TEXTS
from api.engine.operation_texts import OPERATION_TEXTS
from api.engine.ports import Engine
from api.engine.routes import EngineApi
from api.problems import KINDS, UNEXPECTED
from tests.contract.engine_contract import OURS, THEIRS
from tests.contract.working import Client, engine_client, model, place


def document() -> Mapping[str, Any]:
    nothing: Any = None
    engine = Engine(*[nothing] * len(Engine._fields))
    config = OpenAPIConfig("Annals", "1", render_plugins=[])
    app = Litestar(plugins=[EngineApi(engine)], openapi_config=config)
    rendered: Mapping[str, Any] = json.loads(json.dumps(app.openapi_schema.to_schema()))
    return rendered


DOCUMENT = document()
OPERATIONS: Mapping[str, Mapping[str, Any]] = {
    operation["operationId"]: operation for path in DOCUMENT["paths"].values() for operation in path.values()
}


def validator(schema: Mapping[str, Any]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]}, validate_formats=True)


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (value for key, value in part.items() if key == "$ref")
        part = list(part.values())
    if isinstance(part, list):
        for item in part:
            yield from references(item)


def test_every_operation_is_described() -> None:
    assert set(OPERATIONS) == THEIRS | set(OURS)
    assert DOCUMENT["openapi"] == "3.1.0"


def test_every_reference_leads_to_a_schema_and_every_schema_is_one() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert {reference.removeprefix("#/components/schemas/") for reference in references(DOCUMENT)} <= set(schemas)
    for schema in schemas.values():
        jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def members() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for member, described in schema.get("properties", {}).items():
            yield name, member, described


def test_every_schema_every_member_and_every_operation_is_told_in_words() -> None:
    assert not [name for name, schema in DOCUMENT["components"]["schemas"].items() if not schema.get("description")]
    assert not [f"{name}.{member}" for name, member, described in members() if not described.get("description")]
    assert not [
        name for name, operation in OPERATIONS.items() if not operation["summary"] or not operation["description"]
    ]


def texts(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (part[key] for key in ("description", "summary") if isinstance(part.get(key), str))
        part = list(part.values())
    if isinstance(part, list):
        for item in part:
            yield from texts(item)


def test_words_are_for_clients_not_for_readers_of_the_code() -> None:
    assert not [text for text in texts(DOCUMENT) if re.search(r"``|\b[a-z]+_[a-z_]+\b|contracts/|\bNone\b|\n +", text)]


def test_no_text_is_about_something_that_is_gone() -> None:
    there = {f"{name}.{member}" for name, member, _ in members()}
    names = {member for _, member, _ in members()} | there
    assert set(MEMBER_TEXTS) <= names
    assert set(SCHEMA_TEXTS) <= set(DOCUMENT["components"]["schemas"])
    assert set(OPERATION_TEXTS) == set(OPERATIONS)


def test_times_and_numbers_have_their_formats() -> None:
    times = {"time", "newTime", "oldTime", "createdAt", "dueAt", "expiresAt", "lockedAt", "startedAt", "endedAt"}
    numbers = {"count", "locked", "completed", "failed", "status", "limit", "retryCount", "version"}
    for name, member, described in members():
        kinds = [kind for kind in described.get("anyOf", [described]) if kind != {"type": "null"}]
        if member in times:
            assert [kind.get("format") for kind in kinds] == ["date-time"], (name, member)
        if member in numbers and kinds[0].get("type") == "integer":
            assert kinds[0]["format"] == "int32", (name, member)


def test_the_types_of_problems_are_those_that_are_told() -> None:
    told = set(DOCUMENT["components"]["schemas"]["Problem"]["properties"]["type"]["enum"])
    assert told == {kind.type for kind in KINDS.values()} | {UNEXPECTED.type, "BUG", "QUERY"}


def test_links_lead_to_operations_that_take_what_they_carry() -> None:
    links = [link for operation in OPERATIONS.values() for link in links_of(operation)]
    assert {link["operationId"] for link in links} >= {"completeJob", "resolveIncident", "getBpmnXml"}
    for link in links:
        taken = {
            parameter["name"]
            for parameter in OPERATIONS[link["operationId"]]["parameters"]
            if parameter["in"] == "path"
        }
        assert set(link["parameters"]) == taken


def links_of(operation: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for response in operation["responses"].values():
        yield from response.get("links", {}).values()


@pytest.mark.parametrize("name", sorted({*THEIRS, *OURS} - {"checkReadiness"}))
def test_an_operation_says_what_it_refuses_and_which_credentials_it_takes(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["security"] == [{scheme: []} for scheme in SECURITY_SCHEMES]
    assert {"400", "401", "403", "503"} <= set(operation["responses"])
    for status, response in operation["responses"].items():
        if status >= "400":
            (told,) = response["content"].items()
            assert (told[0], told[1]["schema"]) == (
                "application/problem+json",
                {"$ref": "#/components/schemas/Problem"},
            )


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_an_example_is_taken_and_fits_its_schema(kind: Any) -> None:
    decode(json.dumps(EXAMPLES[kind]).encode(), kind)
    validator({"$ref": f"#/components/schemas/{kind.__name__}"}).validate(EXAMPLES[kind])


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ("LockJobs", {"workerId": "w"}),
        ("LockJobs", {"workerId": "w", "limit": 1001}),
        ("LockJobs", {"workerId": "", "limit": 1}),
        ("LockJobs", {"workerId": "w", "limit": 1, "processIds": [1, 1]}),
        ("LockJobs", {"workerId": "w", "limit": 1, "unknown": 1}),
        ("StartProcessInstance", {"bpmnProcessId": "p", "version": "1", "workerId": "w", "tags": [{"name": "a b"}]}),
        ("CompleteJob", {"workerId": "w", "retryTimer": "1h"}),
        ("TimerDefinition", {"bpmnElementId": "e", "timer": None}),
    ],
)
def test_what_a_rule_forbids_the_schema_forbids(schema: str, body: Any) -> None:
    assert not validator({"$ref": f"#/components/schemas/{schema}"}).is_valid(body)


#: Queries, and where they are; each finds something after all that the test does.
QUERIES = {
    "queryProcesses": "processes",
    "queryElements": "elements",
    "queryProcessInstances": "process-instances",
    "queryElementInstances": "element-instances",
    "queryJobs": "jobs",
    "queryTasks": "tasks",
    "queryUserTasks": "user-tasks",
    "queryIncidents": "incidents",
    "queryMessages": "messages",
    "queryMessageSubscriptions": "messages/subscriptions",
    "querySignalSubscriptions": "signals/subscriptions",
    "queryVariables": "variables",
}
CAUGHT = ("paid", "changed", "late")
EVENTFUL = model(
    "eventful",
    '<startEvent id="begun"/><sequenceFlow id="f1" sourceRef="begun" targetRef="check"/><userTask id="check"/>'
    '<boundaryEvent id="paid" attachedToRef="check"><messageEventDefinition messageRef="m"/></boundaryEvent>'
    '<boundaryEvent id="changed" attachedToRef="check"><signalEventDefinition signalRef="s"/></boundaryEvent>'
    '<boundaryEvent id="late" attachedToRef="check"><timerEventDefinition/></boundaryEvent>'
    + "".join(f'<sequenceFlow id="{event}-on" sourceRef="{event}" targetRef="done"/>' for event in CAUGHT)
    + '<sequenceFlow id="f2" sourceRef="check" targetRef="done"/><endEvent id="done"/>',
    '<message id="m" name="payment"/><signal id="s" name="prices"/>',
)


async def answers_of_events(engine: Client) -> list[tuple[str, Any]]:
    """Have an instance wait for a message, a signal, a timer and a person, and send and do some of it."""
    timers = [{"bpmnElementId": "late", "timer": {"timeDuration": "PT1H"}}]
    seen = [("createProcess", await engine.deploy(EVENTFUL, "eventful", timers=timers, parallelism=9))]
    start = {"bpmnProcessId": "eventful", "version": "1", "workerId": "w"}
    batch = await engine.ok("POST", "/process-instances/batch", {"items": [start, {**start, "version": "2"}]})
    seen.append(("createProcessInstances", batch))
    (job,) = await engine.lock()
    report = {"partition": job["partition"], "id": job["id"], "completion": {"messageCorrelationKey": "k"}}
    reports = {"items": [{**report, "workerId": "worker"}, {**report, "workerId": "other"}]}
    seen.append(("completeJobs", await engine.ok("POST", "/jobs/complete", reports)))
    message = {"name": "payment", "correlationKey": "elsewhere", "workerId": "w", "uniqueKey": "u"}
    seen.append(("sendMessage", await engine.ok("POST", "/messages", message)))
    seen.append(("sendSignal", await engine.ok("POST", "/signals", {"name": "rates", "workerId": "w"})))
    (task,) = await engine.rows("user-tasks")
    value = {"name": "v", "data": {"encoding": "json", "value": "1"}}
    update = {"revision": 1, "workerId": "w", "tags": [{"name": "t"}], "processVariables": [value]}
    seen.append(("updateUserTask", await engine.ok("PATCH", place("user-tasks", task), update)))
    return seen


async def test_answers_are_as_described(database: str) -> None:
    async with engine_client(database, set_time_enabled=True) as engine:
        seen: list[tuple[str, Any]] = [("createProcess", await engine.deploy(tags=[{"name": "t", "value": "1"}]))]
        started = await engine.start(correlationKey="k")
        seen.append(("createProcessInstance", started))
        lock = await engine.ok("POST", "/jobs/lock", {"limit": 1, "workerId": "worker"})
        seen += [("lockJobs", lock), ("completeJob", await engine.complete(lock["jobs"][0], error="e"))]
        seen.append(("executeTasks", await engine.ok("POST", "/tasks/execute", {"limit": 1})))
        seen.append(("setTime", await engine.ok("PATCH", "/time", {"timeDuration": "PT1S"})))
        seen.append(("getProcessVariables", await engine.ok("GET", f"{place('process-instances', started)}/variables")))
        seen += await answers_of_events(engine)
        for name, path in QUERIES.items():
            answer = await engine.ok("POST", f"/{path}/query", {})
            assert answer["results"], name
            seen.append((name, answer))
        problem = (await engine.call("POST", "/jobs/lock", {})).json()
        validator({"$ref": "#/components/schemas/Problem"}).validate(problem)
    for name, answer in seen:
        (success,) = [status for status in OPERATIONS[name]["responses"] if status < "300"]
        schema = OPERATIONS[name]["responses"][success]["content"]["application/json"]["schema"]
        validator(schema).validate(answer)


async def test_the_document_is_served_with_the_engine_s_operations(database: str) -> None:
    async with engine_client(database) as engine:
        served = await engine.ok("GET", "/schema/openapi.json")
    assert served["paths"]["/jobs/lock"] == DOCUMENT["paths"]["/jobs/lock"]
    assert set(DOCUMENT["components"]["schemas"]) <= set(served["components"]["schemas"])
