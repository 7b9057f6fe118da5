"""Conditions on sequence flows: the engine evaluates them where the model names a language it knows, and only there."""

import pytest

from tests.bpmn.refusing import causes, details, document, element, flow, read

CEL = "https://cel.dev"


def condition(text: str, language: str = "") -> str:
    attribute = f' language="{language}"' if language else ""
    return f"<conditionExpression{attribute}>{text}</conditionExpression>"


def branching(first: str, second: str, gateway: str = "exclusiveGateway", default: str = "") -> str:
    attribute = f' default="{default}"' if default else ""
    return (
        f'<{gateway} id="x"{attribute}/><userTask id="a"/><userTask id="b"/>'
        + flow("f1", "x", "a", first)
        + flow("f2", "x", "b", second)
    )


def conditions(content: str, language: str = "") -> list[str]:
    return [flow.condition for flow in element(content, language=language).outgoing]


@pytest.mark.parametrize("gateway", ["exclusiveGateway", "inclusiveGateway"])
def test_a_condition_in_a_language_that_the_document_names_is_kept(gateway: str) -> None:
    content = branching(condition(" n &gt; 1 "), condition("n &lt;= 1"), gateway)
    assert conditions(content, CEL) == ["n > 1", "n <= 1"]


def test_a_condition_in_a_language_that_it_names_itself_is_kept() -> None:
    assert conditions(branching(condition("a", CEL), "", default="f2")) == ["a", ""]
    assert conditions(branching(condition("a", CEL), "", default="f2"), "http://www.w3.org/1999/XPath") == ["a", ""]


@pytest.mark.parametrize(
    ("document_language", "own_language"),
    [("", ""), ("http://www.w3.org/1999/XPath", ""), (CEL, "http://www.w3.org/1999/XPath"), ("", "groovy")],
)
def test_a_condition_in_any_other_language_is_left_to_a_worker(document_language: str, own_language: str) -> None:
    content = branching(condition("((", own_language), condition("${!approved}", own_language))
    assert conditions(content, document_language) == ["", ""]


def test_an_empty_condition_is_none() -> None:
    assert conditions(branching("<conditionExpression/>", condition(" ")), CEL) == ["", ""]


def test_the_direction_of_a_flow_that_its_ends_name_does_not_matter_to_its_condition() -> None:
    content = f"""<exclusiveGateway id="x"><outgoing>f</outgoing></exclusiveGateway>
        <task id="a"><incoming>f</incoming></task><sequenceFlow id="f">{condition("a", CEL)}</sequenceFlow>"""
    assert conditions(content) == ["a"]


def test_a_condition_that_cannot_be_evaluated_refuses_the_model() -> None:
    ((pointer, kind, detail),) = causes(branching(condition("1 +"), "", default="f2"), CEL)
    assert (pointer, kind) == ("/p/f1", "sequence_flow")
    assert detail.startswith("sequence flow f1 has a condition that cannot be evaluated: ")
    assert "no_such" in details(branching(condition("no_such(1)"), "", default="f2"), CEL)[0]


def test_a_gateway_that_decides_by_conditions_has_one_on_each_flow_but_the_default() -> None:
    assert causes(branching(condition("a"), ""), CEL) == [
        ("/p/f2", "sequence_flow", "sequence flow f2 has no condition, but others of exclusive gateway x have one")
    ]
    assert conditions(branching(condition("a"), "", default="f2"), CEL) == ["a", ""]


@pytest.mark.parametrize(
    ("tag", "kind"),
    [("parallelGateway", "parallel gateway"), ("serviceTask", "service task"), ("startEvent", "none start event")],
)
def test_a_condition_elsewhere_than_at_a_deciding_gateway_is_not_passed_over(tag: str, kind: str) -> None:
    content = branching(condition("a"), "", tag)
    assert details(content, CEL) == [f"sequence flow f1 has a condition, but {kind} x evaluates none"]
    assert conditions(content, "xpath") == ["", ""]


def crowded(number: int, expression: str) -> str:
    flows = "".join(flow(f"f{n}", "x", "a", condition(f"{expression} == {n}")) for n in range(number))
    return f'<exclusiveGateway id="x"/><userTask id="a"/>{flows}'


def test_a_model_has_a_bounded_amount_of_conditions() -> None:
    assert len(read(document(crowded(1_000, "a"), language=CEL)).elements[1].outgoing) == 1_000
    too_many = [("/p", "process", "process p has more than 1000 conditions, or than 200000 characters in them")]
    assert causes(crowded(1_001, "a"), CEL) == too_many
    assert causes(crowded(200, "a" * 1_000), CEL) == too_many
