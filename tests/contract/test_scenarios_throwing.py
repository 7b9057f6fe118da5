"""What a client sees of errors and escalations, from the deployment to the end (contracts/engine.md 2.12)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.following import follow
from tests.contract.working import Client, engine_client
from tests.modelling import bpmn

ERROR = bpmn("s:startEvent work:serviceTask b:errorBoundary^work e:endEvent x:endEvent", "s>work work>e b>x")
TWO_ERRORS = bpmn(
    "s:startEvent work:serviceTask any:errorBoundary^work one:errorBoundary^work e:endEvent x:endEvent y:endEvent",
    "s>work work>e any>x one>y",
)
INSTEAD = bpmn("s:startEvent work:serviceTask b:escalationBoundary^work e:endEvent x:endEvent", "s>work work>e b>x")
BESIDE = bpmn("s:startEvent work:serviceTask b:escalationBoundary+work e:endEvent x:endEvent", "s>work work>e b>x")
ERROR_END = bpmn(
    "s:startEvent sub:subProcess b:errorBoundary^sub s2:startEvent@sub e2:errorEnd@sub e:endEvent x:endEvent",
    "s>sub sub>e b>x s2>e2",
)
THROWING = bpmn(
    "s:startEvent sub:subProcess n:escalationBoundary+sub b:escalationBoundary^sub s2:startEvent@sub "
    "t:escalationThrow@sub e2:escalationEnd@sub e:endEvent y:endEvent x:endEvent",
    "s>sub sub>e n>y b>x s2>t t>e2",
)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database, task_executor_enabled=False) as client:
        yield client


def codes(kind: str, **of: str) -> list[dict[str, Any]]:
    return [{"bpmnElementId": element, f"{kind}Code": code} for element, code in of.items()]


@pytest.mark.parametrize("asked", ["E", ""], ids=["for_this", "for_any"])
async def test_an_error_of_a_worker_interrupts_its_task(engine: Client, asked: str) -> None:
    await engine.deploy(ERROR, "p")
    instance = await follow(engine)
    assert await instance.elements() == ["p STARTED", "s COMPLETED", "work CREATED", "b CREATED"]
    await (instance.completes("b", errorCode=asked) if asked else instance.completes("b"))
    assert await instance.elements() == ["p STARTED", "s COMPLETED", "work STARTED", "b CREATED"]
    await instance.completes("work", errorCode="E")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "work TERMINATED", "b COMPLETED", "x COMPLETED"),
    ]
    assert await instance.jobs() == ["b SET_ERROR_CODE DONE", "work EXECUTE DONE"]
    assert await instance.tasks() == []


async def test_an_error_that_is_known_beforehand_asks_nobody(engine: Client) -> None:
    await engine.deploy(ERROR, "p", errors=codes("error", b="E"))
    instance = await follow(engine)
    await instance.completes("work", errorCode="E")
    assert await instance.jobs() == ["work EXECUTE DONE"]
    assert await instance.state() == "COMPLETED"


async def test_an_error_that_does_not_come_leaves_its_event_unused(engine: Client) -> None:
    await engine.deploy(ERROR, "p", errors=codes("error", b="E"))
    instance = await follow(engine)
    await instance.completes("work")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "work COMPLETED", "b TERMINATED", "e COMPLETED"),
    ]


async def test_the_exact_code_comes_before_any_code(engine: Client) -> None:
    await engine.deploy(TWO_ERRORS, "p")
    instance = await follow(engine)
    await instance.completes("any")
    assert (await instance.elements())[2] == "work CREATED"
    await instance.completes("one", errorCode="E")
    await instance.completes("work", errorCode="E")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "work TERMINATED", "any TERMINATED", "one COMPLETED", "y COMPLETED"),
    ]
    assert [job.split()[0] for job in await instance.jobs()] == ["any", "one", "work"]


@pytest.mark.parametrize(
    ("kind", "xml", "failed"),
    [("error", ERROR, "failed to throw BPMN error"), ("escalation", INSTEAD, "failed to escalate job")],
)
async def test_what_nobody_catches_is_the_jobs_error(engine: Client, kind: str, xml: str, failed: str) -> None:
    given: dict[str, Any] = {f"{kind}s": codes(kind, b="E")}
    await engine.deploy(xml, "p", **given)
    instance = await follow(engine)
    job = await instance.job("work")
    done = await engine.complete(job, completion={f"{kind}Code": "F"}, retryLimit=1)
    assert done["state"] == "CAUSED_RETRY"
    assert done["error"] == f"EXECUTION: {failed}: failed to find boundary event for {kind} code F"
    await instance.completes("work")
    assert await instance.state() == "COMPLETED"


async def test_an_escalation_of_a_worker_interrupts_its_task(engine: Client) -> None:
    await engine.deploy(INSTEAD, "p")
    instance = await follow(engine)
    await instance.completes("b", escalationCode="E")
    await instance.completes("work", escalationCode="E")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "work TERMINATED", "b COMPLETED", "x COMPLETED"),
    ]
    assert await instance.jobs() == ["b SET_ESCALATION_CODE DONE", "work EXECUTE DONE"]


async def test_an_escalation_beside_a_task_gives_the_worker_a_new_job(engine: Client) -> None:
    await engine.deploy(BESIDE, "p")
    instance = await follow(engine)
    await instance.completes("b", escalationCode="E")
    await instance.answers("work", completion={"escalationCode": "E"}, retryTimer="PT1H", retryLimit=3)
    (_, first, second) = await engine.rows("jobs", **instance.key)
    assert (first["state"], second["state"], second["retryCount"]) == ("DONE", "CREATED", 0)
    assert await instance.elements() == [
        *("p STARTED", "s COMPLETED", "work STARTED", "b COMPLETED", "b CREATED", "x COMPLETED"),
    ]


async def test_a_task_goes_on_after_an_escalation_beside_it(engine: Client) -> None:
    await engine.deploy(BESIDE, "p", escalations=codes("escalation", b="E"))
    instance = await follow(engine)
    await instance.completes("work", escalationCode="E")
    await instance.completes("work")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "work COMPLETED", "b COMPLETED", "b TERMINATED", "x COMPLETED", "e COMPLETED"),
    ]
    assert await instance.jobs() == ["work EXECUTE DONE", "work EXECUTE DONE"]


async def test_a_worker_throws_one_thing_at_a_time(engine: Client) -> None:
    await engine.deploy(BESIDE, "p", escalations=codes("escalation", b="E"))
    done = await (await follow(engine)).answers("work", completion={"escalationCode": "E", "errorCode": "E"})
    assert done["error"] == "expected error code or escalation code to be set"


async def test_an_error_end_event_ends_its_scope(engine: Client) -> None:
    await engine.deploy(ERROR_END, "p", errors=codes("error", e2="E", b=""))
    instance = await follow(engine)
    assert await instance.elements() == [
        *("p STARTED", "s COMPLETED", "sub STARTED", "b CREATED", "s2 COMPLETED", "e2 STARTED"),
    ]
    assert await instance.jobs() == []
    assert await instance.tasks() == ["e2 TRIGGER_EVENT DUE"]
    await instance.runs("e2")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "sub TERMINATED", "b COMPLETED", "s2 COMPLETED", "e2 COMPLETED", "x COMPLETED"),
    ]


async def test_an_error_end_event_that_nobody_catches_is_a_plain_end(engine: Client) -> None:
    await engine.deploy(ERROR_END, "p", errors=codes("error", e2="E", b="other"))
    instance = await follow(engine)
    await instance.runs("e2")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "sub COMPLETED", "b TERMINATED", "s2 COMPLETED", "e2 COMPLETED", "e COMPLETED"),
    ]


async def test_an_error_end_event_without_a_code_has_to_be_told_one(engine: Client) -> None:
    await engine.deploy(ERROR_END, "p", errors=codes("error", b=""))
    instance = await follow(engine)
    assert (await instance.elements())[-1] == "e2 CREATED"
    done = await instance.answers("e2", retryLimit=1)
    assert (done["error"], done["type"]) == ("expected an error code", "SET_ERROR_CODE")
    await instance.completes("e2", errorCode="E")
    assert (await instance.elements())[-1] == "e2 STARTED"
    await instance.runs("e2")
    assert (await instance.elements())[-1] == "x COMPLETED"


async def test_an_escalation_that_ends_interrupts_and_one_that_goes_on_does_not(engine: Client) -> None:
    given = codes("escalation", t="throw", e2="end", n="end", b="")
    await engine.deploy(THROWING, "p", escalations=given)
    instance = await follow(engine)
    await instance.runs("t")
    await instance.runs("e2")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "sub TERMINATED", "n TERMINATED", "b COMPLETED", "s2 COMPLETED"),
        *("t COMPLETED", "e2 COMPLETED", "x COMPLETED"),
    ]


async def test_an_escalation_that_goes_on_is_caught_beside_its_scope(engine: Client) -> None:
    given = codes("escalation", t="throw", e2="end", n="", b="throw")
    await engine.deploy(THROWING, "p", escalations=given)
    instance = await follow(engine)
    await instance.runs("t")
    await instance.runs("e2")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "sub COMPLETED", "n COMPLETED", "b TERMINATED", "s2 COMPLETED"),
        *("t COMPLETED", "n TERMINATED", "y COMPLETED", "e2 COMPLETED", "e COMPLETED"),
    ]


async def test_an_error_inside_a_scope_ends_the_scope_that_catches_it(engine: Client) -> None:
    inner = bpmn(
        "s:startEvent sub:subProcess b:errorBoundary^sub~E s2:startEvent@sub work:serviceTask@sub e2:endEvent@sub "
        "e:endEvent x:endEvent",
        "s>sub sub>e b>x s2>work work>e2",
    )
    await engine.deploy(inner, "p")
    instance = await follow(engine)
    await instance.completes("work", errorCode="E")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "sub TERMINATED", "b COMPLETED", "s2 COMPLETED", "work TERMINATED"),
        "x COMPLETED",
    ]


async def test_an_escalation_inside_a_scope_is_caught_beside_the_scope(engine: Client) -> None:
    inner = bpmn(
        "s:startEvent sub:subProcess b:escalationBoundary+sub~E s2:startEvent@sub work:serviceTask@sub e2:endEvent@sub "
        "e:endEvent x:endEvent",
        "s>sub sub>e b>x s2>work work>e2",
    )
    await engine.deploy(inner, "p")
    instance = await follow(engine)
    await instance.completes("work", escalationCode="E")
    await instance.completes("work")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "sub COMPLETED", "b COMPLETED", "s2 COMPLETED", "work COMPLETED"),
        *("b TERMINATED", "x COMPLETED", "e2 COMPLETED", "e COMPLETED"),
    ]
