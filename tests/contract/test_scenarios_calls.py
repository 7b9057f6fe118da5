"""What a client sees of call activities, from the deployment to the end (contracts/engine.md 2.12 and 2.13)."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.following import Followed, execute, follow, signal, value
from tests.contract.working import Client, engine_client, model, place
from tests.modelling import bpmn

CALLING = bpmn("s:startEvent call:callActivity e:endEvent", "s>call call>e")
WATCHED = bpmn("s:startEvent call:callActivity b:signalBoundary^call e:endEvent x:endEvent", "s>call call>e b>x")
CATCHING = bpmn("s:startEvent call:callActivity b:errorBoundary^call~E e:endEvent x:endEvent", "s>call call>e b>x")
ESCALATED = bpmn(
    "s:startEvent call:callActivity n:escalationBoundary+call~beside b:escalationBoundary^call~instead "
    "e:endEvent y:endEvent x:endEvent",
    "s>call call>e n>y b>x",
)
SHORT = bpmn("s:startEvent e:endEvent", "s>e", "q")
WORKING = bpmn("s:startEvent work:serviceTask e:endEvent", "s>work work>e", "q")
THROWING = bpmn(
    "s:startEvent sub:subProcess n:escalationBoundary+sub~other b:escalationBoundary^sub~other "
    "s2:startEvent@sub t:escalationThrow@sub e2:escalationEnd@sub e:endEvent y:endEvent x:endEvent",
    "s>sub sub>e n>y b>x s2>t t>e2",
    "q",
)
Q = {"bpmnProcessId": "q", "version": "1"}


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database, task_executor_enabled=False) as client:
        yield client


async def calling(engine: Client, caller: str, called: str) -> tuple[Followed, Followed]:
    """Deploy both, start the first and have it call the second."""
    await engine.deploy(caller, "p")
    await engine.deploy(called, "q")
    instance = await follow(engine)
    await instance.completes("call", calledProcess=Q)
    return instance, await instance.child()


async def test_a_called_process_runs_and_its_end_is_passed_on_by_a_job(engine: Client) -> None:
    await engine.deploy(CALLING, "p")
    await engine.deploy(SHORT, "q")
    instance = await follow(engine, correlationKey="mine", variables=[value("own", "1")])
    tags = [{"name": "n1", "value": "v1"}, {"name": "n2", "value": "v2"}]
    called = {**Q, "correlationKey": "ck", "tags": tags, "variables": [value("a", "1"), value("b", "2")]}
    await instance.completes("call", calledProcess=called)
    child = await instance.child()
    row = await child.row()
    assert (row["parentId"], row["rootId"], row["partition"]) == (instance.id, instance.id, instance.key["partition"])
    assert (row["correlationKey"], row["tags"], row["createdBy"], row["state"]) == ("ck", tags, "worker", "COMPLETED")
    assert await child.variables() == {"a": "1", "b": "2"}
    assert await child.elements() == ["q COMPLETED", "s COMPLETED", "e COMPLETED"]
    assert await instance.jobs() == ["call CALL_PROCESS DONE", "call PASS_VARIABLES DUE"]
    await instance.completes("call")
    assert await instance.elements() == ["p COMPLETED", "s COMPLETED", "call COMPLETED", "e COMPLETED"]
    assert await instance.variables() == {"own": "1"}
    assert not {"parentId", "rootId"} & set(await instance.row())
    whole = await engine.rows("process-instances", rootId=instance.id)
    assert [one["id"] for one in whole] == [instance.id, child.id]


@pytest.mark.parametrize(("element", "version"), [("q:first", "first"), ("q", "second")], ids=["exact", "latest"])
async def test_a_model_may_name_what_is_called(engine: Client, element: str, version: str) -> None:
    named = model(
        "p",
        '<startEvent id="s"/><sequenceFlow id="f1" sourceRef="s" targetRef="call"/>'
        f'<callActivity id="call" calledElement="{element}"/>'
        '<sequenceFlow id="f2" sourceRef="call" targetRef="e"/><endEvent id="e"/>',
    )
    await engine.deploy(named, "p")
    await engine.deploy(SHORT, "q", "first")
    await engine.deploy(SHORT, "q", "second")
    instance = await follow(engine)
    await instance.completes("call")
    assert (await (await instance.child()).row())["version"] == version
    await instance.completes("call")
    assert await instance.state() == "COMPLETED"


@pytest.mark.parametrize(
    ("element", "completion", "error"),
    [
        ("", {"bpmnProcessId": "none", "version": "1"}, "process none:1 could not be found"),
        ("none:1", None, "process none:1 could not be found"),
        ("none", None, "process none could not be found"),
        ("", None, "expected a called process"),
        ("", {"bpmnProcessId": "q", "version": "1"}, "has no none start event"),
    ],
)
async def test_a_call_that_leads_nowhere_leaves_nothing_behind(
    engine: Client, element: str, completion: dict[str, str] | None, error: str
) -> None:
    calls = f' calledElement="{element}"' if element else ""
    await engine.deploy(CALLING.replace('id="call"', f'id="call"{calls}'), "p")
    await engine.deploy(bpmn("s:signalStart~news e:endEvent", "s>e", "q"), "q")
    instance = await follow(engine)
    done = await instance.answers("call", completion={"calledProcess": completion} if completion else None)
    assert error in done["error"]
    assert done["state"] == "CAUSED_INCIDENT"
    assert await engine.rows("process-instances", parentId=instance.id) == []


async def test_a_called_process_is_suspended_or_queued_like_any_other(engine: Client) -> None:
    await engine.deploy(CALLING, "p")
    await engine.deploy(SHORT, "q", parallelism=1)
    first, second = await follow(engine), await follow(engine)
    await engine.ok("PATCH", f"{first.path}/suspend", {"workerId": "w"})
    await first.completes("call", calledProcess=Q)
    held = await first.child()
    assert (await held.state(), await held.elements()) == ("SUSPENDED", ["q SUSPENDED", "s SUSPENDED"])
    await second.completes("call", calledProcess=Q)
    queued = await second.child()
    assert (await queued.state(), await queued.elements()) == ("QUEUED", ["q QUEUED", "s QUEUED"])
    await engine.ok("PATCH", f"{held.path}/resume", {"workerId": "w"})
    assert await held.elements() == ["q COMPLETED", "s COMPLETED", "e COMPLETED"]
    await first.completes("call")
    assert await first.elements() == ["p SUSPENDED", "s COMPLETED", "call COMPLETED", "e SUSPENDED"]
    assert [task["type"] for task in await queued.works()] == ["START_PROCESS_INSTANCE"]
    await second.completes("call")
    assert await second.state() == "COMPLETED"
    await engine.ok("PATCH", f"{first.path}/resume", {"workerId": "w"})
    assert await first.elements() == ["p COMPLETED", "s COMPLETED", "call COMPLETED", "e COMPLETED"]


async def test_an_interrupted_call_ends_the_called_process_by_a_task(engine: Client) -> None:
    await engine.deploy(WATCHED, "p", signals=[{"bpmnElementId": "b", "signalName": "news"}])
    await engine.deploy(WORKING, "q")
    instance = await follow(engine)
    await instance.completes("call", calledProcess=Q)
    child = await instance.child()
    await signal(engine, "news")
    await instance.runs("b")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "call TERMINATED", "b COMPLETED", "x COMPLETED"),
    ]
    assert await child.state() == "STARTED"
    assert [task["type"] for task in await child.works()] == ["TERMINATE_PROCESS_INSTANCE"]
    row = await child.row()
    assert (row["state"], "endedAt" in row) == ("TERMINATED", True)
    assert await child.elements() == ["q TERMINATED", "s COMPLETED", "work TERMINATED"]
    (job,) = await engine.lock()
    assert (await engine.complete(job))["state"] == "CANCELED"


async def test_calls_within_calls_end_level_by_level(engine: Client) -> None:
    await engine.deploy(WATCHED, "p")
    await engine.deploy(WORKING, "q")
    root = await follow(engine)
    await root.completes("b", signalName="outer")
    await root.completes("call", calledProcess={"bpmnProcessId": "p", "version": "1"})
    child = await root.child()
    await child.completes("b", signalName="inner")
    await child.completes("call", calledProcess=Q)
    grandchild = await child.child()
    row = await grandchild.row()
    assert (row["parentId"], row["rootId"]) == (child.id, root.id)
    await signal(engine, "outer")
    await root.runs("b")
    assert await root.state() == "COMPLETED"
    for one in (child, grandchild):
        assert await one.state() == "STARTED"
        assert [task["type"] for task in await one.works()] == ["TERMINATE_PROCESS_INSTANCE"]
        assert await one.state() == "TERMINATED"
    assert await engine.rows("signals/subscriptions") == []


async def test_an_error_of_a_worker_is_caught_where_the_process_was_called(engine: Client) -> None:
    instance, child = await calling(engine, CATCHING, WORKING)
    await child.completes("work", errorCode="E")
    assert await child.elements() == ["q TERMINATED", "s COMPLETED", "work TERMINATED"]
    assert await child.state() == "TERMINATED"
    await instance.runs("b")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "call TERMINATED", "b COMPLETED", "x COMPLETED"),
    ]


async def test_an_error_end_event_is_caught_where_the_process_was_called(engine: Client) -> None:
    ending = bpmn(
        "s:startEvent sub:subProcess b:errorBoundary^sub~other s2:startEvent@sub e2:errorEnd@sub e:endEvent x:endEvent",
        "s>sub sub>e b>x s2>e2",
        "q",
    )
    instance, child = await calling(engine, CATCHING, ending)
    await child.completes("e2", errorCode="E")
    await child.runs("e2")
    assert await child.elements() == [
        *("q TERMINATED", "s COMPLETED", "sub TERMINATED", "b TERMINATED", "s2 COMPLETED", "e2 COMPLETED"),
    ]
    await instance.runs("b")
    assert (await instance.elements())[2:] == ["call TERMINATED", "b COMPLETED", "x COMPLETED"]
    assert await instance.state() == "COMPLETED"


async def test_an_error_that_the_caller_does_not_know_is_the_jobs_error(engine: Client) -> None:
    instance, child = await calling(engine, CATCHING, WORKING)
    done = await child.answers("work", completion={"errorCode": "unknown"})
    assert done["state"] == "CAUSED_INCIDENT"
    assert done["error"].startswith("EXECUTION: failed to throw BPMN error")
    assert "error code unknown" in done["error"]
    assert [await one.state() for one in (instance, child)] == ["STARTED", "STARTED"]


async def test_an_escalation_of_a_worker_interrupts_the_call(engine: Client) -> None:
    instance, child = await calling(engine, ESCALATED, WORKING)
    await child.completes("work", escalationCode="instead")
    assert await child.elements() == ["q TERMINATED", "s COMPLETED", "work TERMINATED"]
    await instance.runs("b")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "call TERMINATED", "n TERMINATED", "b COMPLETED", "x COMPLETED"),
    ]


async def test_an_escalation_of_a_worker_passes_beside_the_call(engine: Client) -> None:
    instance, child = await calling(engine, ESCALATED, WORKING)
    await child.completes("work", escalationCode="beside")
    assert await child.elements() == ["q STARTED", "s COMPLETED", "work STARTED"]
    assert await child.jobs() == ["work EXECUTE DONE", "work EXECUTE DUE"]
    await instance.runs("n")
    assert await instance.elements() == [
        *("p STARTED", "s COMPLETED", "call STARTED", "n COMPLETED", "b CREATED", "n CREATED", "y COMPLETED"),
    ]
    await child.completes("work")
    await instance.completes("call")
    assert await instance.state() == "COMPLETED"


async def test_an_escalation_end_event_interrupts_the_call(engine: Client) -> None:
    instance, child = await calling(engine, ESCALATED, THROWING)
    await child.completes("t", escalationCode="unknown")
    await child.runs("t")
    await child.completes("e2", escalationCode="instead")
    await child.runs("e2")
    assert await child.elements() == [
        *("q TERMINATED", "s COMPLETED", "sub TERMINATED", "n TERMINATED", "b TERMINATED", "s2 COMPLETED"),
        *("t COMPLETED", "e2 COMPLETED"),
    ]
    await instance.runs("b")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "call TERMINATED", "n TERMINATED", "b COMPLETED", "x COMPLETED"),
    ]


async def test_an_escalation_throw_event_passes_beside_the_call(engine: Client) -> None:
    instance, child = await calling(engine, ESCALATED, THROWING)
    await child.completes("t", escalationCode="beside")
    await child.runs("t")
    assert await child.elements() == [
        *("q STARTED", "s COMPLETED", "sub STARTED", "n CREATED", "b CREATED", "s2 COMPLETED"),
        *("t COMPLETED", "e2 CREATED"),
    ]
    await instance.runs("n")
    assert await instance.elements() == [
        *("p STARTED", "s COMPLETED", "call STARTED", "n COMPLETED", "b CREATED", "n CREATED", "y COMPLETED"),
    ]


async def test_variables_are_not_shared_with_what_is_called(engine: Client) -> None:
    instance, child = await calling(engine, CALLING, WORKING)
    await engine.ok("PUT", f"{instance.path}/variables", {"workerId": "w", "variables": [value("a", "1")]})
    where = await instance.at("call")
    path = f"{place('element-instances', where)}/variables"
    await engine.ok("PUT", path, {"workerId": "w", "variables": [value("b", "2")]})
    inner = await child.at("work")
    seen = await engine.ok("GET", f"{place('element-instances', inner)}/variables")
    assert seen == {"count": 0, "variables": []}
    assert await child.variables() == {}


async def test_a_task_for_a_call_that_has_ended_is_canceled(engine: Client) -> None:
    both = bpmn(
        "s:startEvent call:callActivity b:errorBoundary^call~E n:signalBoundary^call~news e:endEvent x:endEvent",
        "s>call call>e b>x n>x",
    )
    instance, child = await calling(engine, both, WORKING)
    await signal(engine, "news")
    await child.completes("work", errorCode="E")
    assert [task.split()[0] for task in await instance.tasks()] == ["n", "b"]
    states = [task["state"] for task in await execute(engine, **instance.key)]
    assert states == ["DONE", "CANCELED"]
    assert (await instance.elements())[-1] == "x COMPLETED"
