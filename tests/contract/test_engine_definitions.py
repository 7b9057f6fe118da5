"""What events of a process are defined by, in commands and in answers (contracts/engine.md 1.5, 2.2 and 2.11)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.working import Client, engine_client, model

TIMED = model(
    "timed",
    '<startEvent id="hourly"><timerEventDefinition/></startEvent>'
    '<sequenceFlow id="f1" sourceRef="hourly" targetRef="done"/><endEvent id="done"/>',
)
EVENTS = model(
    "events",
    '<startEvent id="begun"/><sequenceFlow id="f1" sourceRef="begun" targetRef="work"/><serviceTask id="work">'
    "<multiInstanceLoopCharacteristics/></serviceTask>"
    '<boundaryEvent id="failed" attachedToRef="work"><errorEventDefinition errorRef="e"/></boundaryEvent>'
    '<boundaryEvent id="late" attachedToRef="work"><timerEventDefinition/></boundaryEvent>'
    '<sequenceFlow id="f2" sourceRef="work" targetRef="done"/><endEvent id="done"/>'
    '<sequenceFlow id="f3" sourceRef="failed" targetRef="sad"/>'
    '<endEvent id="sad"><signalEventDefinition signalRef="s"/></endEvent>'
    '<sequenceFlow id="f4" sourceRef="late" targetRef="sadder"/>'
    '<endEvent id="sadder"><escalationEventDefinition/></endEvent>',
    '<error id="e" errorCode="E1"/><signal id="s" name="sad"/>',
)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database, task_executor_enabled=False, set_time_enabled=True) as client:
        yield client


async def definitions(engine: Client, **criteria: Any) -> dict[str, Any]:
    rows = await engine.rows("elements", **criteria)
    return {row["bpmnElementId"]: row["eventDefinition"] for row in rows if "eventDefinition" in row}


async def test_an_element_tells_what_its_event_is_defined_by(engine: Client) -> None:
    deployed = await engine.deploy(
        EVENTS,
        "events",
        timers=[{"bpmnElementId": "late", "timer": {"timeDuration": "PT1H", "timeCycle": ""}}],
        escalations=[{"bpmnElementId": "sadder", "escalationCode": "X"}],
        signals=[{"bpmnElementId": "sad", "signalName": "sadder than the model says"}],
    )
    assert await definitions(engine, processId=deployed["id"]) == {
        "failed": {"suspended": False, "errorCode": "E1"},
        "late": {"suspended": False, "timer": {"timeDuration": "PT1H"}},
        "sad": {"suspended": False, "signalName": "sadder than the model says"},
        "sadder": {"suspended": False, "escalationCode": "X"},
    }
    elements = await engine.rows("elements", processId=deployed["id"])
    assert [row["bpmnElementId"] for row in elements if row.get("multiInstance")] == ["work"]


async def test_definitions_that_fit_no_element_are_all_told_at_once(engine: Client) -> None:
    body = {"bpmnProcessId": "events", "bpmnXml": EVENTS, "version": "1", "workerId": "w"}
    wrong = {
        "errors": [{"bpmnElementId": "nowhere", "errorCode": "E"}],
        "messages": [{"bpmnElementId": "work", "messageName": "m"}],
    }
    answer = await engine.call("POST", "/processes", {**body, **wrong})
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (400, "VALIDATION")
    assert problem["detail"] == "invalid or missing event definitions"
    assert [(error["pointer"], error["type"], error["detail"]) for error in problem["errors"]] == [
        ("/events", "error_event", "process events has no element nowhere"),
        ("/events/work", "message_event", "element work is not a message event"),
    ]
    assert await engine.rows("processes") == []


async def test_a_timer_that_starts_a_process_is_a_task_that_tells_its_timer(engine: Client) -> None:
    timers = [{"bpmnElementId": "hourly", "timer": {"timeCycle": "@hourly"}}]
    deployed = await engine.deploy(TIMED, "timed", timers=timers)
    (task,) = await engine.rows("tasks", type="TRIGGER_EVENT")
    assert task["serializedTask"] == '{"Timer":{"timeCycle":"@hourly","timeDuration":null}}'
    assert (task["processId"], task["bpmnElementId"], task["state"]) == (deployed["id"], "hourly", "CREATED")
    assert {"processInstanceId", "elementInstanceId", "error"}.isdisjoint(task)
    await engine.ok("PATCH", "/time", {"timeDuration": "PT1H"})
    assert [row["state"] for row in await engine.rows("tasks", id=task["id"])] == ["DUE"]
    run = await engine.ok("POST", "/tasks/execute", {"limit": 1})
    (instance,) = await engine.rows("process-instances")
    assert (instance["createdBy"], instance["partition"]) == ("default-engine", task["partition"])
    assert [done["processInstanceId"] for done in run["completedTasks"]] == [instance["id"]]
    assert [row["state"] for row in await engine.rows("tasks", type="TRIGGER_EVENT")] == ["DONE", "CREATED"]


async def test_a_newer_version_suspends_the_start_events_of_older_ones(engine: Client) -> None:
    timers = [{"bpmnElementId": "hourly", "timer": {"timeCycle": "@hourly"}}]
    first = await engine.deploy(TIMED, "timed", timers=timers)
    second = await engine.deploy(TIMED, "timed", version="2", timers=timers)
    hourly = {"timer": {"timeCycle": "@hourly", "timeDuration": None}}
    assert await definitions(engine, processId=first["id"]) == {"hourly": {"suspended": True, **hourly}}
    assert await definitions(engine, processId=second["id"]) == {"hourly": {"suspended": False, **hourly}}


async def test_a_start_event_without_what_it_needs_is_refused(engine: Client) -> None:
    body = {"bpmnProcessId": "timed", "bpmnXml": TIMED, "version": "1", "workerId": "w"}
    answer = await engine.call("POST", "/processes", body)
    assert (answer.status_code, answer.json()["type"]) == (400, "VALIDATION")
    assert [error["detail"] for error in answer.json()["errors"]] == ["no timer defined for BPMN element hourly"]


@pytest.mark.parametrize(
    "written",
    [
        "<timeCycle>R/PT1H</timeCycle>",
        "<timeCycle>0 0 9 * * *</timeCycle>",
        "<timeDuration>P1D</timeDuration>",
        "<timeDate>2030-01-01T09:00:00+01:00</timeDate>",
    ],
)
async def test_a_timer_is_taken_as_it_is_told(engine: Client, written: str) -> None:
    xml = TIMED.replace("<timerEventDefinition/>", f"<timerEventDefinition>{written}</timerEventDefinition>")
    first = await engine.deploy(xml, "timed")
    told = (await definitions(engine, processId=first["id"]))["hourly"]["timer"]
    second = await engine.deploy(TIMED, "timed", version="2", timers=[{"bpmnElementId": "hourly", "timer": told}])
    assert (await definitions(engine, processId=second["id"]))["hourly"]["timer"] == told
