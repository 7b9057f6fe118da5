"""What a client sees of signals, from the deployment to the end (contracts/engine.md 2.10)."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.following import Followed, execute, follow, signal, value
from tests.contract.working import Client, engine_client, model
from tests.modelling import bpmn

CATCHING = bpmn("s:startEvent c:signalCatch e:endEvent", "s>c c>e")
KNOWN = bpmn("s:startEvent c:signalCatch~news e:endEvent", "s>c c>e")
STARTED = bpmn("s:signalStart~news e:endEvent", "s>e", "q")
WATCHED = bpmn("s:startEvent work:serviceTask b:signalBoundary^work e:endEvent x:endEvent", "s>work work>e b>x")
BESIDE = bpmn("s:startEvent work:serviceTask b:signalBoundary+work e:endEvent x:endEvent", "s>work work>e b>x")


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database, task_executor_enabled=False, set_time_enabled=True) as client:
        yield client


async def test_a_signal_ends_the_wait_of_a_catch_event_once(engine: Client) -> None:
    await engine.deploy(CATCHING, "p")
    instance = await follow(engine, variables=[value("a", "1"), value("b", "2")])
    assert await instance.elements() == ["p STARTED", "s COMPLETED", "c CREATED"]
    await instance.completes("c", signalName="news")
    first = await signal(engine, "news", variables=[value("a", "3"), value("b", None), value("c", None)])
    assert (first["subscriberCount"], first["createdBy"], first["name"]) == (1, "sender", "news")
    assert (await signal(engine, "news"))["subscriberCount"] == 0
    await instance.runs("c")
    assert await instance.elements() == ["p COMPLETED", "s COMPLETED", "c COMPLETED", "e COMPLETED"]
    assert await instance.variables() == {"a": "3"}
    assert await instance.jobs() == ["c SUBSCRIBE_SIGNAL DONE"]


async def test_a_signal_reaches_all_who_wait_and_those_whom_it_starts(engine: Client) -> None:
    await engine.deploy(KNOWN, "p")
    process = await engine.deploy(STARTED, "q")
    waiting = [await follow(engine), await follow(engine)]
    assert [job for one in waiting for job in await one.jobs()] == []
    sent = await signal(engine, "news", variables=[value("a", "1")])
    assert sent["subscriberCount"] == 3
    (task,) = await engine.rows("tasks", processId=process["id"], type="TRIGGER_EVENT")
    assert (task["createdAt"], task["createdBy"]) == (sent["createdAt"], "sender")
    (done,) = await execute(engine, partition=task["partition"], id=task["id"])
    (row,) = await engine.rows("process-instances", partition=done["partition"], id=done["processInstanceId"])
    assert await Followed(engine, row).elements() == ["q COMPLETED", "s COMPLETED", "e COMPLETED"]
    for one in waiting:
        await one.runs("c")
        assert await one.state() == "COMPLETED"
        assert await one.variables() == {"a": "1"}


async def test_a_signal_interrupts_a_task(engine: Client) -> None:
    await engine.deploy(WATCHED, "p")
    instance = await follow(engine)
    await instance.completes("b", signalName="news")
    assert await instance.elements() == ["p STARTED", "s COMPLETED", "work STARTED", "b CREATED"]
    await signal(engine, "news")
    await instance.runs("b")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "work TERMINATED", "b COMPLETED", "x COMPLETED"),
    ]


async def test_a_signal_beside_a_task_is_listened_for_again(engine: Client) -> None:
    await engine.deploy(BESIDE, "p")
    instance = await follow(engine)
    await instance.completes("b", signalName="news")
    for _ in range(2):
        assert (await signal(engine, "news"))["subscriberCount"] == 1
        await instance.runs("b")
    await instance.completes("work")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "work COMPLETED", "b COMPLETED", "b COMPLETED", "x COMPLETED"),
        *("b TERMINATED", "x COMPLETED", "e COMPLETED"),
    ]
    assert (await signal(engine, "news"))["subscriberCount"] == 0
    assert await instance.jobs() == ["b SUBSCRIBE_SIGNAL DONE", "work EXECUTE DONE"]


@pytest.mark.parametrize("tag", ["signalThrow", "signalEnd"])
@pytest.mark.parametrize("known", ["~news", ""], ids=["known", "asked_for"])
async def test_a_process_sends_a_signal_by_a_task(engine: Client, tag: str, known: str) -> None:
    end = " e:endEvent" if tag == "signalThrow" else ""
    await engine.deploy(bpmn(f"s:startEvent t:{tag}{known}{end}", "s>t t>e" if end else "s>t"), "p")
    await engine.deploy(STARTED, "q")
    instance = await follow(engine)
    if not known:
        assert await instance.elements() == ["p STARTED", "s COMPLETED", "t CREATED"]
        await instance.completes("t", signalName="news")
        assert await instance.jobs() == ["t SET_SIGNAL_NAME DONE"]
    assert await instance.elements() == ["p STARTED", "s COMPLETED", "t STARTED"]
    await instance.runs("t")
    assert (await instance.elements())[2] == "t COMPLETED"
    assert await instance.state() == "COMPLETED"
    (done,) = await execute(engine, type="TRIGGER_EVENT")
    assert done["processInstanceId"]


async def test_an_activity_that_ends_takes_its_subscriptions_along(engine: Client) -> None:
    await engine.deploy(WATCHED, "p", signals=[{"bpmnElementId": "b", "signalName": "news"}])
    instance = await follow(engine)
    assert len(await engine.rows("signals/subscriptions", **instance.key)) == 1
    await instance.completes("work")
    assert await engine.rows("signals/subscriptions", **instance.key) == []
    assert (await signal(engine, "news"))["subscriberCount"] == 0
    assert (await instance.elements())[3] == "b TERMINATED"


NESTED = model(
    "p",
    '<startEvent id="s"><outgoing>f1</outgoing></startEvent>'
    '<parallelGateway id="fork"><incoming>f1</incoming><outgoing>f2</outgoing><outgoing>f3</outgoing></parallelGateway>'
    '<intermediateCatchEvent id="c"><incoming>f2</incoming><signalEventDefinition/></intermediateCatchEvent>'
    '<subProcess id="sub"><incoming>f3</incoming><startEvent id="s2"><outgoing>f4</outgoing></startEvent>'
    '<parallelGateway id="fork2"><incoming>f4</incoming><outgoing>f5</outgoing><outgoing>f6</outgoing>'
    "</parallelGateway>"
    '<callActivity id="call"><incoming>f5</incoming></callActivity>'
    '<intermediateCatchEvent id="c2"><incoming>f6</incoming><signalEventDefinition/></intermediateCatchEvent>'
    "</subProcess>"
    '<boundaryEvent id="b" attachedToRef="sub"><outgoing>f7</outgoing><signalEventDefinition/></boundaryEvent>'
    '<endEvent id="x"><incoming>f7</incoming></endEvent>',
)


async def test_an_interrupted_scope_takes_all_its_subscriptions_along(engine: Client) -> None:
    names = {"b": "one", "c": "two", "c2": "three"}
    given = [{"bpmnElementId": element, "signalName": name} for element, name in names.items()]
    await engine.deploy(NESTED, "p", signals=given)
    await engine.deploy(CATCHING.replace('id="p"', 'id="q"'), "q", signals=[{"bpmnElementId": "c", "signalName": "4"}])
    instance = await follow(engine)
    assert await instance.elements() == [
        *("p STARTED", "s COMPLETED", "fork COMPLETED", "c STARTED", "sub STARTED", "b CREATED", "s2 COMPLETED"),
        *("fork2 COMPLETED", "call STARTED", "c2 STARTED"),
    ]
    await instance.completes("call", calledProcess={"bpmnProcessId": "q", "version": "1"})
    await signal(engine, "one")
    await instance.runs("b")
    assert await instance.elements() == [
        *("p STARTED", "s COMPLETED", "fork COMPLETED", "c STARTED", "sub TERMINATED", "b COMPLETED", "s2 COMPLETED"),
        *("fork2 COMPLETED", "call TERMINATED", "c2 TERMINATED", "x COMPLETED"),
    ]
    (left,) = await engine.rows("signals/subscriptions", **instance.key)
    assert (left["bpmnElementId"], left["name"]) == ("c", "two")
    child = await instance.child()
    assert [task["type"] for task in await child.works()] == ["TERMINATE_PROCESS_INSTANCE"]
    assert await engine.rows("signals/subscriptions", **child.key) == []
    assert await child.elements() == ["q TERMINATED", "s COMPLETED", "c TERMINATED"]


async def test_a_task_whose_event_has_been_interrupted_is_canceled(engine: Client) -> None:
    calling = bpmn(
        "s:startEvent call:callActivity b:signalBoundary^call~news e:endEvent x:endEvent", "s>call call>e b>x"
    )
    await engine.deploy(calling, "p")
    await engine.deploy(KNOWN.replace('id="p"', 'id="q"'), "q")
    instance = await follow(engine)
    await instance.completes("call", calledProcess={"bpmnProcessId": "q", "version": "1"})
    assert (await signal(engine, "news"))["subscriberCount"] == 2
    await instance.runs("b")
    child = await instance.child()
    assert [task.split()[1] for task in await child.tasks()] == ["TRIGGER_EVENT", "TERMINATE_PROCESS_INSTANCE"]
    trigger, terminate = await engine.rows("tasks", **child.key)
    for task, state in ((terminate, "DONE"), (trigger, "CANCELED")):
        (done,) = await execute(engine, partition=task["partition"], id=task["id"])
        assert done["state"] == state
    assert await child.state() == "TERMINATED"
