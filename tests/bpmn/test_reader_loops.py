"""Loops in which nothing waits are refused; loops in which something does are what processes are made of."""

import pytest

from domain.bpmn.reader import read_process
from tests.bpmn.refusing import refusal
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
    ],
)
def test_a_loop_in_which_nothing_waits_is_refused(nodes: str, flows: str, pointer: str, ids: str) -> None:
    assert loops(nodes, flows) == [(pointer, f"elements [{ids}] form a loop in which no element waits")]


@pytest.mark.parametrize(
    ("nodes", "flows"),
    [
        ("s:startEvent x:exclusiveGateway a:serviceTask", "s>x x>a a>x"),
        ("a:sendTask", "a>a"),
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
    assert read_process(bpmn(nodes, flows), "p").elements


def test_each_loop_is_reported_once() -> None:
    assert [pointer for pointer, _ in loops("a:task b:task c:task d:task", "a>b b>a b>c c>d d>c")] == ["/p/a", "/p/c"]


def test_a_long_loop_names_its_first_elements_and_counts_the_rest() -> None:
    nodes = " ".join(f"t{number}:task" for number in range(15))
    flows = " ".join(f"t{number}>t{(number + 1) % 15}" for number in range(15))
    assert loops(nodes, flows) == [
        ("/p/t0", "elements [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9 and 5 more] form a loop in which no element waits")
    ]
