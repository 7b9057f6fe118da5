"""What a client sees of messages, from the deployment to the end (contracts/engine.md 2.9)."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.following import Followed, advance, execute, follow, send, value
from tests.contract.working import Client, engine_client
from tests.modelling import bpmn

CATCHING = bpmn("s:startEvent c:messageCatch e:endEvent", "s>c c>e")
WATCHED = bpmn("s:startEvent work:serviceTask b:messageBoundary^work e:endEvent x:endEvent", "s>work work>e b>x")
BESIDE = bpmn("s:startEvent work:serviceTask b:messageBoundary+work e:endEvent x:endEvent", "s>work work>e b>x")
STARTED = bpmn("s:messageStart~order e:endEvent", "s>e")
SINGLETON = bpmn("s:messageStart~order work:serviceTask e:endEvent", "s>work work>e")
HOUR = {"timeDuration": "PT1H"}
MET = {"messageName": "m", "messageCorrelationKey": "k"}


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database, task_executor_enabled=False, set_time_enabled=True) as client:
        yield client


async def test_a_message_ends_the_wait_of_a_catch_event(engine: Client) -> None:
    await engine.deploy(CATCHING, "p")
    instance = await follow(engine, variables=[value("a", "1"), value("b", "2")])
    assert await instance.elements() == ["p STARTED", "s COMPLETED", "c CREATED"]
    await instance.completes("c", **MET)
    assert await instance.elements() == ["p STARTED", "s COMPLETED", "c STARTED"]
    sent = await send(engine, "m", "k", variables=[value("a", "3"), value("b", None), value("c", None)])
    assert (sent["correlated"], "expiresAt" in sent) == (True, False)
    await instance.runs("c")
    assert await instance.elements() == ["p COMPLETED", "s COMPLETED", "c COMPLETED", "e COMPLETED"]
    assert await instance.state() == "COMPLETED"
    assert await instance.variables() == {"a": "3"}
    assert await instance.jobs() == ["c SUBSCRIBE_MESSAGE DONE"]


async def test_buffered_messages_are_met_oldest_first_and_expired_ones_never(engine: Client) -> None:
    await engine.deploy(CATCHING, "p")
    first = await send(engine, "m", "k", expirationTimer=HOUR)
    expired = await send(engine, "m", "k")
    second = await send(engine, "m", "k", expirationTimer=HOUR)
    instances = [await follow(engine) for _ in range(3)]
    await instances[0].completes("c", **MET)
    assert await met(engine) == [first["id"]]
    await instances[1].completes("c", messageName="m", messageCorrelationKey="other")
    assert await met(engine) == [first["id"]]
    await instances[2].completes("c", **MET)
    assert await met(engine) == [first["id"], second["id"]]
    assert expired["id"] not in await met(engine)
    await instances[0].runs("c")
    await instances[2].runs("c")
    assert [await instance.state() for instance in instances] == ["COMPLETED", "STARTED", "COMPLETED"]


async def met(engine: Client) -> list[int]:
    return [row["id"] for row in await engine.rows("messages") if row["correlated"]]


async def test_a_message_interrupts_a_task(engine: Client) -> None:
    await engine.deploy(WATCHED, "p")
    instance = await follow(engine)
    assert await instance.elements() == ["p STARTED", "s COMPLETED", "work CREATED", "b CREATED"]
    await instance.completes("b", **MET)
    assert await instance.elements() == ["p STARTED", "s COMPLETED", "work STARTED", "b CREATED"]
    await send(engine, "m", "k")
    done = await instance.runs("b")
    assert (done["createdBy"], done["bpmnElementId"]) == ("sender", "b")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "work TERMINATED", "b COMPLETED", "x COMPLETED"),
    ]
    assert await instance.state() == "COMPLETED"
    assert [job.rsplit(" ", 1)[0] for job in await instance.jobs()] == ["b SUBSCRIBE_MESSAGE", "work EXECUTE"]


async def test_a_message_sent_before_interrupts_a_task_that_waits_for_it(engine: Client) -> None:
    await engine.deploy(WATCHED, "p")
    await send(engine, "m", "k", expirationTimer=HOUR)
    instance = await follow(engine)
    await instance.completes("b", **MET)
    await instance.runs("b")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "work TERMINATED", "b COMPLETED", "x COMPLETED"),
    ]


@pytest.mark.parametrize("before", [False, True], ids=["after", "before"])
async def test_a_message_beside_a_task_is_waited_for_again(engine: Client, *, before: bool) -> None:
    await engine.deploy(BESIDE, "p")
    if before:
        await send(engine, "m", "k", expirationTimer=HOUR)
    instance = await follow(engine)
    await instance.completes("b", **MET)
    if not before:
        await send(engine, "m", "k")
    await instance.runs("b")
    assert await instance.elements() == [
        *("p STARTED", "s COMPLETED", "work STARTED", "b COMPLETED", "b CREATED", "x COMPLETED"),
    ]
    await instance.completes("work")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "work COMPLETED", "b COMPLETED", "b TERMINATED", "x COMPLETED", "e COMPLETED"),
    ]
    assert await engine.rows("messages/subscriptions") == []
    assert await instance.jobs() == ["b SUBSCRIBE_MESSAGE DONE", "work EXECUTE DONE"]


async def test_a_known_message_asks_for_the_key_alone(engine: Client) -> None:
    known = bpmn("s:startEvent c:messageCatch~m e:endEvent", "s>c c>e")
    await engine.deploy(known, "p")
    instance = await follow(engine)
    done = await instance.answers("c", completion={"messageName": "m"})
    assert done["error"] == "expected a message correlation key"
    await send(engine, "m", "k", expirationTimer=HOUR)
    (incident,) = await engine.rows("incidents", **instance.key)
    await engine.ok("PATCH", f"/incidents/{incident['partition']}/{incident['id']}/resolve", {"workerId": "w"})
    await instance.completes("c", messageCorrelationKey="k")
    await instance.runs("c")
    assert await instance.state() == "COMPLETED"
    assert [job.split()[1] for job in await instance.jobs()] == ["SET_MESSAGE_CORRELATION_KEY"] * 2


async def test_each_message_starts_an_instance(engine: Client) -> None:
    process = await engine.deploy(STARTED, "p")
    first = await started(engine, process["id"], variables=[value("a", "1"), value("c", None)])
    second = await started(engine, process["id"])
    assert first.id != second.id
    assert await first.variables() == {"a": "1"}
    assert [await one.state() for one in (first, second)] == ["COMPLETED", "COMPLETED"]
    assert await first.elements() == ["p COMPLETED", "s COMPLETED", "e COMPLETED"]
    assert (await first.row())["createdBy"] == "sender"
    assert all(row["correlated"] and "expiresAt" in row for row in await engine.rows("messages"))


async def started(engine: Client, process_id: int, **more: object) -> Followed:
    """Send the message of the start event, and follow the instance that its task starts."""
    sent = await send(engine, "order", "k", **more)
    assert sent["correlated"]
    tasks = await engine.rows("tasks", processId=process_id, type="TRIGGER_EVENT")
    (task,) = [row for row in tasks if "completedAt" not in row and row["createdAt"] == sent["createdAt"]]
    assert (task["bpmnElementId"], "processInstanceId" in task) == ("s", False)
    (done,) = await execute(engine, partition=task["partition"], id=task["id"])
    (row,) = await engine.rows("process-instances", partition=done["partition"], id=done["processInstanceId"])
    return Followed(engine, row)


async def test_a_message_without_a_timer_is_open_as_long_as_the_instance_it_started(engine: Client) -> None:
    process = await engine.deploy(SINGLETON, "p")
    instance = await started(engine, process["id"], uniqueKey="u")
    assert (await instance.row())["correlationKey"] == "k"
    (sent,) = await engine.rows("messages")
    assert "expiresAt" not in sent
    assert (await send(engine, "order", "k", uniqueKey="u"))["id"] == sent["id"]
    assert await execute(engine, type="TRIGGER_EVENT") == []
    await instance.completes("work")
    (closed,) = await engine.rows("messages")
    assert "expiresAt" in closed
    assert (await send(engine, "order", "k", uniqueKey="u"))["id"] != sent["id"]


async def test_a_message_with_a_timer_leaves_no_key_on_the_instance_it_started(engine: Client) -> None:
    process = await engine.deploy(SINGLETON, "p")
    instance = await started(engine, process["id"], uniqueKey="u", expirationTimer=HOUR)
    assert "correlationKey" not in await instance.row()
    (sent,) = await engine.rows("messages")
    assert "expiresAt" in sent


async def test_a_buffered_message_is_lost_when_its_time_is_over(engine: Client) -> None:
    await engine.deploy(CATCHING, "p")
    await send(engine, "m", "k", expirationTimer=HOUR)
    await advance(engine, "PT1H")
    assert await engine.rows("messages", excludeExpired=True) == []
    instance = await follow(engine)
    await instance.completes("c", **MET)
    assert await instance.tasks() == []
    assert len(await engine.rows("messages/subscriptions")) == 1


async def test_throwing_a_message_is_work_for_a_worker(engine: Client) -> None:
    await engine.deploy(bpmn("s:startEvent t:messageThrow~m e:messageEnd~m", "s>t t>e"), "p")
    instance = await follow(engine)
    await instance.completes("t")
    await instance.completes("e")
    assert await instance.elements() == ["p COMPLETED", "s COMPLETED", "t COMPLETED", "e COMPLETED"]
    assert await instance.jobs() == ["t EXECUTE DONE", "e EXECUTE DONE"]
    assert await engine.rows("messages") == []
