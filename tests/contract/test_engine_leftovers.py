"""What is refused leaves nothing behind (contracts/engine.md 3.3 no. 10)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.following import execute, signal
from tests.contract.working import Client, engine_client, model
from tests.modelling import bpmn

KINDS = ("processes", "elements", "process-instances", "element-instances", "jobs", "tasks", "incidents")
WORKING = bpmn("s:startEvent a:serviceTask e:endEvent", "s>a a>e")
#: A way out of the gateway is there for some amounts only.
DECIDING = model(
    "p",
    '<startEvent id="s"/><sequenceFlow id="f1" sourceRef="s" targetRef="g"/><exclusiveGateway id="g"/>'
    '<sequenceFlow id="f2" sourceRef="g" targetRef="a"><conditionExpression language="cel">amount &gt; 10'
    '</conditionExpression></sequenceFlow><serviceTask id="a"/>',
)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database, task_executor_enabled=False) as client:
        yield client


async def everything(engine: Client) -> dict[str, Any]:
    """Return all that queries show of an engine."""
    return {kind: await engine.rows(kind) for kind in KINDS}


@pytest.mark.parametrize(
    ("xml", "more"),
    [
        (bpmn("s:startEvent a:serviceTask x:complexGateway", "s>a a>x"), {}),
        (bpmn("s:startEvent a:serviceTask", "s>a", "other"), {}),
        (bpmn("s:messageStart a:serviceTask", "s>a"), {}),
        (bpmn("s:timerStart a:serviceTask", "s>a"), {"timers": [{"bpmnElementId": "a", "timer": {"time": "now"}}]}),
        (bpmn("s:signalStart~go t:timerStart", ""), {"parallelism": 1, "tags": [{"name": "n", "value": "v"}]}),
    ],
    ids=["element", "process", "message", "timer", "definitions"],
)
async def test_a_process_that_is_refused_leaves_nothing_behind(engine: Client, xml: str, more: dict[str, Any]) -> None:
    body = {"bpmnProcessId": "p", "bpmnXml": xml, "version": "1", "workerId": "deployer", **more}
    answer = await engine.call("POST", "/processes", body)
    assert answer.status_code in {400, 422}
    assert not any((await everything(engine)).values())
    assert (await engine.deploy(WORKING, "p"))["id"] == 1


async def test_an_instance_that_cannot_go_on_as_it_starts_leaves_nothing_behind_and_takes_no_place(
    engine: Client,
) -> None:
    await engine.deploy(DECIDING, "p", parallelism=1)
    before = await everything(engine)
    small, large = ([{"name": "amount", "data": {"encoding": "json", "value": n}}] for n in ("1", "11"))
    body = {"bpmnProcessId": "p", "version": "1", "workerId": "starter", "variables": small}
    assert (await engine.refused("POST", "/process-instances", body))[0] == 422
    assert await everything(engine) == before
    assert (await engine.start("p", variables=large))["state"] == "STARTED"


async def test_an_instance_of_a_process_that_no_client_can_start_leaves_nothing_behind(engine: Client) -> None:
    await engine.deploy(bpmn("s:signalStart~go a:serviceTask", "s>a"), "p", parallelism=1)
    before = await everything(engine)
    body = {"bpmnProcessId": "p", "version": "1", "workerId": "starter", "correlationKey": "k"}
    assert (await engine.refused("POST", "/process-instances", body))[0] in {404, 409, 422}
    assert await everything(engine) == before
    await signal(engine, "go")
    await execute(engine)
    (started,) = await engine.rows("process-instances")
    assert (started["id"], started["state"]) == (1, "STARTED")
