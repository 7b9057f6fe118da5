"""What a client sees of timers, from the deployment to the end (contracts/engine.md 2.11)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.following import Followed, advance, execute, follow
from tests.contract.working import Client, engine_client
from tests.modelling import bpmn

CATCHING = bpmn("s:startEvent c:timerCatch e:endEvent", "s>c c>e")
STARTED = bpmn("s:timerStart e:endEvent", "s>e")
WATCHED = bpmn("s:startEvent work:serviceTask b:timerBoundary^work e:endEvent x:endEvent", "s>work work>e b>x")
BESIDE = bpmn("s:startEvent work:serviceTask b:timerBoundary+work e:endEvent x:endEvent", "s>work work>e b>x")
HOUR = {"timeDuration": "PT1H"}


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database, task_executor_enabled=False, set_time_enabled=True) as client:
        yield client


async def test_a_timer_ends_the_wait_of_a_catch_event_when_it_is_due(engine: Client) -> None:
    await engine.deploy(CATCHING, "p")
    instance = await follow(engine)
    assert await instance.elements() == ["p STARTED", "s COMPLETED", "c CREATED"]
    await instance.completes("c", timer=HOUR)
    assert await instance.elements() == ["p STARTED", "s COMPLETED", "c STARTED"]
    assert await instance.works() == []
    (task,) = await engine.rows("tasks", **instance.key)
    assert (task["state"], task["serializedTask"]) == ("CREATED", '{"Timer":{"timeDuration":"PT1H"}}')
    moved = await engine.ok("PATCH", "/time", {"time": task["dueAt"]})
    assert moved["newTime"] >= task["dueAt"] > moved["oldTime"]
    assert await instance.tasks() == ["c TRIGGER_EVENT DUE"]
    await instance.runs("c")
    assert await instance.elements() == ["p COMPLETED", "s COMPLETED", "c COMPLETED", "e COMPLETED"]
    assert await instance.jobs() == ["c SET_TIMER DONE"]


@pytest.mark.parametrize("timer", [HOUR, {"timeCycle": "@hourly"}, {"time": "2020-01-01T00:00:00Z"}], ids=str)
async def test_a_known_timer_asks_nobody(engine: Client, timer: dict[str, str]) -> None:
    await engine.deploy(CATCHING, "p", timers=[{"bpmnElementId": "c", "timer": timer}])
    instance = await follow(engine)
    assert (await instance.elements(), await instance.jobs()) == (["p STARTED", "s COMPLETED", "c STARTED"], [])
    await advance(engine, "PT1H")
    await instance.runs("c")
    assert await instance.state() == "COMPLETED"


async def test_a_timer_interrupts_a_task(engine: Client) -> None:
    await engine.deploy(WATCHED, "p")
    instance = await follow(engine)
    await instance.completes("b", timer=HOUR)
    await advance(engine, "PT1H")
    await instance.runs("b")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "work TERMINATED", "b COMPLETED", "x COMPLETED"),
    ]
    assert [job.split()[1] for job in await instance.jobs()] == ["SET_TIMER", "EXECUTE"]


async def test_a_timer_beside_a_task_fires_again_and_again(engine: Client) -> None:
    await engine.deploy(BESIDE, "p")
    instance = await follow(engine)
    await instance.completes("b", timer=HOUR)
    for _ in range(2):
        await advance(engine, "PT1H")
        await instance.runs("b")
    await instance.completes("work")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "work COMPLETED", "b COMPLETED", "b COMPLETED", "x COMPLETED"),
        *("b TERMINATED", "x COMPLETED", "e COMPLETED"),
    ]
    await advance(engine, "PT1H")
    assert [task["state"] for task in await instance.works()] in ([], ["CANCELED"])
    assert await instance.jobs() == ["b SET_TIMER DONE", "work EXECUTE DONE"]


async def test_a_point_in_time_beside_a_task_comes_once(engine: Client) -> None:
    timers = [{"bpmnElementId": "b", "timer": {"time": "2020-01-01T00:00:00Z"}}]
    await engine.deploy(BESIDE, "p", timers=timers)
    instance = await follow(engine)
    await instance.runs("b")
    await advance(engine, "P1D")
    assert await instance.works() == []
    await instance.completes("work")
    assert (await instance.elements()).count("x COMPLETED") == 1


async def test_a_cycle_starts_an_instance_every_time(engine: Client) -> None:
    timers = [{"bpmnElementId": "s", "timer": {"timeCycle": "0 * * * *"}}]
    process = await engine.deploy(STARTED, "p", timers=timers)
    instances = [await next_start(engine, process["id"]) for _ in range(3)]
    assert len({instance.path for instance in instances}) == len(instances)
    for instance in instances:
        assert await instance.elements() == ["p COMPLETED", "s COMPLETED", "e COMPLETED"]
    tasks = await engine.rows("tasks", processId=process["id"])
    assert [task["dueAt"][14:] for task in tasks] == ["00:00Z"] * 4
    assert tasks[0]["createdBy"] == "deployer"
    assert (await instances[0].row())["createdBy"] == tasks[0]["lockedBy"]


async def next_start(engine: Client, process_id: int) -> Followed:
    """Go to when the next instance is to be started, and start it."""
    (task,) = [row for row in await engine.rows("tasks", processId=process_id) if "completedAt" not in row]
    assert task["serializedTask"] == '{"Timer":{"timeCycle":"0 * * * *","timeDuration":null}}'
    await engine.ok("PATCH", "/time", {"time": task["dueAt"]})
    (done,) = await execute(engine, partition=task["partition"], id=task["id"])
    rows = await engine.rows("process-instances", partition=done["partition"], id=done["processInstanceId"])
    return Followed(engine, rows[0])


async def test_a_new_version_takes_over_what_its_timers_start(engine: Client) -> None:
    cycle: dict[str, Any] = {"timeCycle": "0 * * * *"}
    two = bpmn("s1:timerStart s2:timerStart e:endEvent", "s1>e s2>e")
    first = await engine.deploy(STARTED, "p", timers=[{"bpmnElementId": "s", "timer": cycle}])
    timers = [{"bpmnElementId": "s1", "timer": cycle}, {"bpmnElementId": "s2", "timer": cycle}]
    second = await engine.deploy(two, "p", "2", timers=timers)
    (element,) = await engine.rows("elements", processId=first["id"], bpmnElementId="s")
    assert element["eventDefinition"]["suspended"] is True
    await advance(engine, "PT1H")
    done = await execute(engine, type="TRIGGER_EVENT")
    assert [task["state"] for task in done] == ["DONE"] * 3
    assert [row["processId"] for row in await engine.rows("process-instances")] == [second["id"]] * 2
    assert len(await engine.rows("tasks", processId=second["id"], type="TRIGGER_EVENT")) == 4
    assert len(await engine.rows("tasks", processId=first["id"], type="TRIGGER_EVENT")) == 1


async def test_missed_cycles_are_caught_up_one_by_one(engine: Client) -> None:
    process = await engine.deploy(STARTED, "p", timers=[{"bpmnElementId": "s", "timer": {"timeCycle": "0 * * * *"}}])
    await advance(engine, "PT3H")
    for number in (1, 2, 3):
        assert len(await execute(engine, type="TRIGGER_EVENT")) == 1
        assert len(await engine.rows("process-instances", processId=process["id"])) == number
    assert await execute(engine, type="TRIGGER_EVENT") == []
