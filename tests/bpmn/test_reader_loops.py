"""Loops in which nothing waits are refused; loops in which something does are what processes are made of."""

import pytest

from tests.bpmn.refusing import document, event, flow, link, read, refusal
from tests.story import bpmn


def loops(nodes: str, flows: str) -> list[tuple[str, str]]:
    refused = refusal(bpmn(nodes, flows))
    return [(cause.pointer, cause.detail) for cause in refused.causes]


@pytest.mark.parametrize(
    ("nodes", "flows", "pointer", "ids"),
    [
        ("t:task", "t>t", "/p/t", "t"),
        ("s:startEvent a:task b:manualTask", "s>a a>b b>a", "/p/a", "a, b"),
        ("s:startEvent x:exclusiveGateway a:task", "s>x x>a a>x", "/p/x", "x, a"),
        ("s:startEvent x:exclusiveGateway f:parallelGateway e:endEvent", "s>x x>f f>x f>e", "/p/x", "x, f"),
        (
            "s:startEvent x:exclusiveGateway f:parallelGateway j:parallelGateway a:task",
            "s>x x>f f>j f>a a>j j>x",
            "/p/x",
            "x, f, j, a",
        ),
        ("s:startEvent a:exclusiveGateway u:subProcess i:startEvent@u t:task@u", "s>a a>u u>a i>t", "/p/a", "a, u"),
        ("u:subProcess i:startEvent@u t:task@u", "t>t", "/p/u/t", "t"),
        ("s:startEvent x:exclusiveGateway n:intermediateThrowEvent", "s>x x>n n>x", "/p/x", "x, n"),
        ("s:startEvent j:inclusiveGateway t:task", "s>j j>t t>j", "/p/j", "j, t"),
        ("s:startEvent a:serviceTask j:inclusiveGateway t:task", "s>a a>j j>t t>j", "/p/j", "j, t"),
    ],
)
def test_a_loop_in_which_nothing_waits_is_refused(nodes: str, flows: str, pointer: str, ids: str) -> None:
    assert loops(nodes, flows) == [(pointer, f"elements [{ids}] form a loop in which no element waits")]


@pytest.mark.parametrize(
    ("nodes", "flows"),
    [
        ("s:startEvent x:exclusiveGateway a:serviceTask", "s>x x>a a>x"),
        ("a:sendTask", "a>a"),
        ("a:userTask", "a>a"),
        ("a:receiveTask", "a>a"),
        ("a:callActivity", "a>a"),
        ("s:startEvent j:parallelGateway t:task", "s>j j>t t>j"),
        ("s:startEvent j:inclusiveGateway f:parallelGateway a:serviceTask", "s>j j>f f>j f>a a>j"),
        ("s:startEvent j:inclusiveGateway a:task b:task", "s>j j>a j>b a>j b>j"),
        ("s:startEvent x:exclusiveGateway e:endEvent t:task", "s>x x>e x>t t>x"),
        (
            "s:startEvent x:exclusiveGateway f:parallelGateway j:parallelGateway a:serviceTask",
            "s>x x>f f>j f>a a>j j>x",
        ),
        ("s:startEvent x:exclusiveGateway u:subProcess i:startEvent@u w:serviceTask@u", "s>x x>u u>x i>w"),
        (
            "s:startEvent x:exclusiveGateway u:subProcess i:startEvent@u v:subProcess@u j:startEvent@v w:scriptTask@v",
            "s>x x>u u>x i>v j>w",
        ),
        (
            "s:startEvent x:exclusiveGateway u:subProcess i:startEvent@u g:exclusiveGateway@u t:task@u e:endEvent@u",
            "s>x x>u u>x i>g g>t g>e",
        ),
        ("s:startEvent f:parallelGateway a:task b:task j:parallelGateway e:endEvent", "s>f f>a f>b a>j b>j j>e"),
    ],
)
def test_a_loop_in_which_something_waits_and_a_model_without_loops_are_read(nodes: str, flows: str) -> None:
    assert read(bpmn(nodes, flows)).elements


@pytest.mark.parametrize(
    ("tag", "definition"),
    [
        ("intermediateThrowEvent", "escalation"),
        ("intermediateThrowEvent", "message"),
        ("intermediateThrowEvent", "signal"),
        ("intermediateCatchEvent", "message"),
        ("intermediateCatchEvent", "signal"),
        ("intermediateCatchEvent", "timer"),
    ],
)
def test_an_event_that_does_not_come_at_once_waits(tag: str, definition: str) -> None:
    content = '<exclusiveGateway id="g"/>' + event(tag, definition) + flow("f1", "g", "x") + flow("f2", "x", "g")
    assert read(document(content)).elements


def test_an_event_based_gateway_waits() -> None:
    catches = "".join(event("intermediateCatchEvent", "timer", name) for name in "ab")
    flows = flow("f1", "g", "a") + flow("f2", "g", "b") + flow("f3", "a", "g") + flow("f4", "b", "g")
    assert read(document(f'<eventBasedGateway id="g"/>{catches}{flows}')).elements


def linked(between: str) -> str:
    """Write a loop that a link closes."""
    return document(
        link("intermediateCatchEvent", "c", "again")
        + f'<{between} id="b"/>'
        + link("intermediateThrowEvent", "d", "again")
        + flow("f1", "c", "b")
        + flow("f2", "b", "d")
    )


def test_a_loop_that_a_link_closes_is_a_loop() -> None:
    (cause,) = refusal(linked("task")).causes
    assert (cause.pointer, cause.detail) == ("/p/c", "elements [c, b, d] form a loop in which no element waits")
    assert read(linked("serviceTask")).elements


def test_a_link_inside_a_sub_process_closes_a_loop_too() -> None:
    inner = '<startEvent id="i"/>' + link("intermediateCatchEvent", "e", "again") + flow("f3", "e", "h")
    inner += link("intermediateThrowEvent", "h", "again")
    refused = refusal(document(f'<subProcess id="u">{inner}</subProcess>'))
    assert [cause.pointer for cause in refused.causes] == ["/p/u/e"]


def decided(first: str, tag: str = "exclusiveGateway") -> str:
    """Write a loop through a gateway that has a condition, or asks a worker."""
    condition = f'<conditionExpression language="https://cel.dev">{first}</conditionExpression>' if first else ""
    content = f'<startEvent id="s"/><{tag} id="g" default="out"/><task id="t"/><endEvent id="e"/>'
    flows = flow("in", "s", "g") + flow("on", "g", "t", condition) + flow("back", "t", "g") + flow("out", "g", "e")
    return document(content + flows)


@pytest.mark.parametrize("tag", ["exclusiveGateway", "inclusiveGateway"])
def test_a_gateway_at_which_conditions_are_evaluated_does_not_wait(tag: str) -> None:
    (cause,) = refusal(decided("n", tag)).causes
    assert cause.detail == "elements [g, t] form a loop in which no element waits"
    assert read(decided("", tag)).elements


def repeated(tag: str, cardinality: str) -> str:
    """Write a multi-instance activity that leads to itself."""
    loop = f"<multiInstanceLoopCharacteristics>{cardinality}</multiInstanceLoopCharacteristics>"
    return document(f'<{tag} id="t">{loop}</{tag}>' + flow("f", "t", "t"))


def test_a_multi_instance_waits_unless_its_number_is_known_and_its_activity_passes() -> None:
    assert read(repeated("task", "")).elements
    assert read(repeated("serviceTask", "<loopCardinality>2</loopCardinality>")).elements
    endless = "elements [t] form a loop in which no element waits"
    assert [cause.detail for cause in refusal(repeated("task", "<loopCardinality>2</loopCardinality>")).causes] == [
        endless
    ]
    assert [
        cause.detail for cause in refusal(repeated("serviceTask", "<loopCardinality>0</loopCardinality>")).causes
    ] == [endless]


def test_a_sub_process_waits_when_a_multi_instance_inside_it_asks_how_often() -> None:
    def around(cardinality: str) -> str:
        loop = f"<multiInstanceLoopCharacteristics>{cardinality}</multiInstanceLoopCharacteristics>"
        inside = f'<startEvent id="i"/><task id="t">{loop}</task>' + flow("f", "i", "t")
        return document(f'<subProcess id="u">{inside}</subProcess>' + flow("g", "u", "u"))

    assert read(around("")).elements
    assert [cause.pointer for cause in refusal(around("<loopCardinality>2</loopCardinality>")).causes] == ["/p/u"]


def test_each_loop_is_reported_once() -> None:
    assert [pointer for pointer, _ in loops("a:task b:task c:task d:task", "a>b b>a b>c c>d d>c")] == ["/p/a", "/p/c"]


def test_a_long_loop_names_its_first_elements_and_counts_the_rest() -> None:
    nodes = " ".join(f"t{number}:task" for number in range(15))
    flows = " ".join(f"t{number}>t{(number + 1) % 15}" for number in range(15))
    assert loops(nodes, flows) == [
        ("/p/t0", "elements [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9 and 5 more] form a loop in which no element waits")
    ]


def test_an_inclusive_join_waits_for_what_the_loop_may_send_by_a_boundary_event() -> None:
    def around(host: str) -> str:
        nodes = '<startEvent id="s"/><inclusiveGateway id="j"/><parallelGateway id="f"/>'
        nodes += '<serviceTask id="a"/><serviceTask id="other"/>'
        nodes += f'<boundaryEvent id="e" attachedToRef="{host}"><errorEventDefinition/></boundaryEvent>'
        return document(
            nodes
            + flow("f1", "s", "j")
            + flow("f2", "j", "f")
            + flow("f3", "f", "j")
            + flow("f4", "f", "a")
            + flow("f5", "e", "j")
        )

    assert read(around("a")).elements
    assert [cause.pointer for cause in refusal(around("other")).causes] == ["/p/j"]
