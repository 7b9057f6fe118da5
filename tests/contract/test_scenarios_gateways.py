"""What a client sees of gateways, scopes and links, from the deployment to the end (contracts/engine.md 2.8, 2.13)."""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from tests.contract.following import advance, execute, follow, send, signal
from tests.contract.working import Client, engine_client
from tests.modelling import bpmn

CHOICE = bpmn("s:startEvent fork:exclusiveGateway a:endEvent b:endEvent", "s>fork fork>a fork>b")
DEFAULT = bpmn("s:startEvent fork:exclusiveGateway=fork_a a:endEvent b:endEvent", "s>fork fork>a fork>b")
SOME = bpmn("s:startEvent fork:inclusiveGateway a:endEvent b:endEvent c:endEvent", "s>fork fork>a fork>b fork>c")
SOME_DEFAULT = bpmn(
    "s:startEvent fork:inclusiveGateway=fork_a a:endEvent b:endEvent c:endEvent", "s>fork fork>a fork>b fork>c"
)
EMPTY = bpmn("s:startEvent fork:parallelGateway join:parallelGateway e:endEvent", "s>fork fork>join join>e").replace(
    "<endEvent", '<sequenceFlow id="again" sourceRef="fork" targetRef="join"/><endEvent'
)
BOTH = bpmn(
    "s:startEvent fork:parallelGateway a:serviceTask b:serviceTask join:parallelGateway e:endEvent",
    "s>fork fork>a fork>b a>join b>join join>e",
)
FIRST = bpmn(
    "s:startEvent g:eventBasedGateway m:messageCatch n:signalCatch t:timerCatch x:endEvent y:endEvent z:endEvent",
    "s>g g>m g>n g>t m>x n>y t>z",
)
SCOPE = bpmn(
    "s:startEvent sub:subProcess m:messageBoundary^sub n:signalBoundary^sub t:timerBoundary^sub "
    "s2:startEvent@sub fork:parallelGateway@sub a:serviceTask@sub b:serviceTask@sub join:exclusiveGateway@sub "
    "e2:endEvent@sub e:endEvent x:endEvent y:endEvent z:endEvent",
    "s>sub sub>e m>x n>y t>z s2>fork fork>a fork>b a>join b>join join>e2",
)
NESTED = bpmn(
    "s:startEvent sub:subProcess n:signalBoundary^sub~news s2:startEvent@sub in:subProcess@sub s3:startEvent@in "
    "work:serviceTask@in e3:endEvent@in e2:endEvent@sub e:endEvent x:endEvent",
    "s>sub sub>e n>x s2>in in>e2 s3>work work>e3",
)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database, task_executor_enabled=False, set_time_enabled=True) as client:
        yield client


async def test_a_worker_chooses_one_way(engine: Client) -> None:
    await engine.deploy(CHOICE, "p")
    instance = await follow(engine)
    await instance.completes("fork", exclusiveGatewayDecision="b")
    assert await instance.elements() == ["p COMPLETED", "s COMPLETED", "fork COMPLETED", "b COMPLETED"]
    assert await instance.jobs() == ["fork EVALUATE_EXCLUSIVE_GATEWAY DONE"]


@pytest.mark.parametrize("body", [{}, {"completion": None}, {"completion": {}}], ids=str)
async def test_no_choice_takes_the_default_way(engine: Client, body: dict[str, None]) -> None:
    await engine.deploy(DEFAULT, "p")
    instance = await follow(engine)
    assert (await instance.answers("fork", **body))["state"] == "DONE"
    assert (await instance.elements())[-1] == "a COMPLETED"


@pytest.mark.parametrize(
    ("decision", "error"),
    [
        ({}, "expected an exclusive gateway decision"),
        ({"exclusiveGatewayDecision": "s"}, "element fork has no outgoing sequence flow to s"),
        ({"exclusiveGatewayDecision": "fork_a"}, "element fork has no outgoing sequence flow to fork_a"),
    ],
)
async def test_a_wrong_choice_is_the_jobs_error(engine: Client, decision: dict[str, str], error: str) -> None:
    await engine.deploy(CHOICE, "p")
    instance = await follow(engine)
    done = await instance.answers("fork", completion=decision)
    assert (done["error"], done["state"]) == (error, "CAUSED_INCIDENT")
    assert (await instance.elements())[-1] == "fork STARTED"


@pytest.mark.parametrize(
    ("xml", "decision", "taken"),
    [
        (SOME, ["a", "b", "c"], ["a", "b", "c"]),
        (SOME, ["c"], ["c"]),
        (SOME_DEFAULT, [], ["a"]),
        (SOME_DEFAULT, ["c"], ["c", "a"]),
        (SOME_DEFAULT, ["a"], ["a"]),
    ],
)
async def test_a_worker_chooses_some_ways(engine: Client, xml: str, decision: list[str], taken: list[str]) -> None:
    await engine.deploy(xml, "p")
    instance = await follow(engine)
    await (instance.completes("fork", inclusiveGatewayDecision=decision) if decision else instance.completes("fork"))
    ends = [f"{end} COMPLETED" for end in taken]
    assert await instance.elements() == ["p COMPLETED", "s COMPLETED", "fork COMPLETED", *ends]


@pytest.mark.parametrize(
    ("decision", "error"),
    [
        ([], "expected an inclusive gateway decision"),
        (["a", "a"], "decision contains duplicate BPMN element ID a"),
        (["s"], "element fork has no outgoing sequence flow to s"),
    ],
)
async def test_wrong_choices_are_the_jobs_error(engine: Client, decision: list[str], error: str) -> None:
    await engine.deploy(SOME, "p")
    done = await (await follow(engine)).answers("fork", completion={"inclusiveGatewayDecision": decision})
    assert (done["error"], done["type"]) == (error, "EVALUATE_INCLUSIVE_GATEWAY")


async def test_two_tokens_from_one_fork_meet_by_two_tasks(engine: Client) -> None:
    await engine.deploy(EMPTY, "p")
    instance = await follow(engine)
    assert await instance.elements() == [
        *("p STARTED", "s COMPLETED", "fork COMPLETED", "join STARTED", "join STARTED"),
    ]
    first, second = await engine.rows("tasks", **instance.key)
    for task in (first, second):
        assert task["type"] == "JOIN_PARALLEL_GATEWAY"
        (done,) = await execute(engine, partition=task["partition"], id=task["id"])
        assert "error" not in done
    assert await instance.state() == "COMPLETED"
    assert [element.split()[1] for element in await instance.elements()] == ["COMPLETED"] * 6


async def test_two_tasks_meet_when_both_are_done(engine: Client) -> None:
    await engine.deploy(BOTH, "p")
    instance = await follow(engine)
    await instance.completes("a")
    assert [task["state"] for task in await instance.works()] == ["DONE"]
    assert (await instance.elements())[-1] == "join STARTED"
    await instance.completes("b")
    await instance.runs("join")
    assert await instance.state() == "COMPLETED"
    assert len(await instance.elements()) == 8


async def test_the_first_of_several_events_decides(engine: Client) -> None:
    await engine.deploy(FIRST, "p")
    instance = await follow(engine)
    assert (await instance.elements())[2:] == ["g CREATED", "m CREATED", "n CREATED", "t CREATED"]
    await instance.completes("m", messageName="m", messageCorrelationKey="k")
    await instance.completes("n", signalName="news")
    assert (await instance.elements())[2] == "g CREATED"
    await instance.completes("t", timer={"timeDuration": "PT1H"})
    assert (await instance.elements())[2:] == ["g STARTED", "m CREATED", "n CREATED", "t CREATED"]
    await send(engine, "m", "k")
    await instance.runs("m")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "g COMPLETED", "m COMPLETED", "n TERMINATED", "t TERMINATED", "x COMPLETED"),
    ]
    assert await engine.rows("signals/subscriptions") == []
    await advance(engine, "PT1H")
    assert [task["state"] for task in await instance.works()] in ([], ["CANCELED"])


@pytest.mark.parametrize("event", ["m", "n", "t"])
async def test_events_that_are_known_need_no_more_than_a_key(engine: Client, event: str) -> None:
    timers = [{"bpmnElementId": "t", "timer": {"timeDuration": "PT1H"}}]
    signals = [{"bpmnElementId": "n", "signalName": "news"}]
    messages = [{"bpmnElementId": "m", "messageName": "m"}]
    await engine.deploy(FIRST, "p", timers=timers, signals=signals, messages=messages)
    instance = await follow(engine)
    assert (await instance.elements())[2] == "g CREATED"
    await instance.completes("m", messageCorrelationKey="k")
    assert (await instance.elements())[2] == "g STARTED"
    happens = {"m": partial(send, name="m", key="k"), "n": partial(signal, name="news")}
    await happens.get(event, partial(advance, duration="PT1H"))(engine)
    await instance.runs(event)
    states = [element.split()[1] for element in await instance.elements()]
    assert states.count("TERMINATED") == 2
    assert await instance.state() == "COMPLETED"


async def test_a_sub_process_passes_when_it_has_nothing_to_wait_for(engine: Client) -> None:
    await engine.deploy(
        bpmn("s:startEvent sub:subProcess s2:startEvent@sub e2:endEvent@sub e:endEvent", "s>sub sub>e s2>e2"), "p"
    )
    instance = await follow(engine)
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "sub COMPLETED", "s2 COMPLETED", "e2 COMPLETED", "e COMPLETED"),
    ]
    rows = await engine.rows("element-instances", **instance.key)
    assert [row.get("parentId") for row in rows] == [None, *(rows[place]["id"] for place in (0, 0, 2, 2, 0))]


async def test_a_scope_begins_when_all_around_it_is_known(engine: Client) -> None:
    await engine.deploy(SCOPE, "p", signals=[{"bpmnElementId": "n", "signalName": "news"}])
    instance = await follow(engine)
    assert (await instance.elements())[2:] == ["sub CREATED", "m CREATED", "n CREATED", "t CREATED"]
    await instance.completes("m", messageName="m", messageCorrelationKey="k")
    await instance.completes("t", timer={"timeDuration": "PT1H"})
    assert (await instance.elements())[6:] == ["s2 COMPLETED", "fork COMPLETED", "a STARTED", "b STARTED"]
    await signal(engine, "news")
    await instance.runs("n")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "sub TERMINATED", "m TERMINATED", "n COMPLETED", "t TERMINATED"),
        *("s2 COMPLETED", "fork COMPLETED", "a TERMINATED", "b TERMINATED", "y COMPLETED"),
    ]


async def test_a_scope_ends_with_its_last_token(engine: Client) -> None:
    await engine.deploy(SCOPE, "p", signals=[{"bpmnElementId": "n", "signalName": "news"}])
    instance = await follow(engine)
    await instance.completes("m", messageName="m", messageCorrelationKey="k")
    await instance.completes("t", timer={"timeDuration": "PT1H"})
    await instance.completes("a")
    assert (await instance.elements())[2] == "sub STARTED"
    await instance.completes("b")
    elements = await instance.elements()
    assert elements[:6] == [
        *("p COMPLETED", "s COMPLETED", "sub COMPLETED", "m TERMINATED", "n TERMINATED", "t TERMINATED"),
    ]
    assert len(elements) == 15
    assert await engine.rows("messages/subscriptions") == []


async def test_scopes_in_scopes_complete_from_within(engine: Client) -> None:
    await engine.deploy(NESTED, "p")
    instance = await follow(engine)
    await instance.completes("work")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "sub COMPLETED", "n TERMINATED", "s2 COMPLETED", "in COMPLETED"),
        *("s3 COMPLETED", "work COMPLETED", "e3 COMPLETED", "e2 COMPLETED", "e COMPLETED"),
    ]


async def test_scopes_in_scopes_are_interrupted_from_without(engine: Client) -> None:
    await engine.deploy(NESTED, "p")
    instance = await follow(engine)
    await signal(engine, "news")
    await instance.runs("n")
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "sub TERMINATED", "n COMPLETED", "s2 COMPLETED", "in TERMINATED"),
        *("s3 COMPLETED", "work TERMINATED", "x COMPLETED"),
    ]


async def test_a_link_leads_to_its_catch_event_in_the_same_scope(engine: Client) -> None:
    linked = bpmn(
        "s:startEvent sub:subProcess s2:startEvent@sub t2:linkThrow~b@sub c2:linkCatch~b@sub e2:endEvent@sub "
        "t:linkThrow~a c:linkCatch~a e:endEvent",
        "s>sub s2>t2 c2>e2 sub>t c>e",
    )
    await engine.deploy(linked, "p")
    instance = await follow(engine)
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "sub COMPLETED", "s2 COMPLETED", "t2 COMPLETED", "c2 COMPLETED"),
        *("e2 COMPLETED", "t COMPLETED", "c COMPLETED", "e COMPLETED"),
    ]
