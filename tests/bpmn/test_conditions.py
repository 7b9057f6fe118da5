"""Gateways that the engine decides itself, by conditions in a language that the model names."""

import pytest

from commands.intents import Data, ElementVariable, ProcessVariable
from domain.bpmn.events import WorkState
from domain.bpmn.execution import ExecutionError
from domain.rejection import ExecutionFailed
from tests.story import Stage, Story, bpmn, text

CEL = "https://cel.dev"


def asked(xml: str, **conditions: str) -> str:
    """Put conditions on the flows of a model, by their ids."""
    for flow, condition in conditions.items():
        escaped = condition.replace("&", "&amp;").replace("<", "&lt;")
        start = xml.index(f'<sequenceFlow id="{flow}"')
        end = xml.index("/>", start)
        expression = f'<conditionExpression language="{CEL}">{escaped}</conditionExpression>'
        xml = f"{xml[:end]}>{expression}</sequenceFlow>{xml[end + 2 :]}"
    return xml


def json(name: str, value: str) -> ProcessVariable:
    return ProcessVariable(name, Data("json", value=value))


THREE_WAYS = "s:startEvent first:serviceTask g:{gateway} a:serviceTask b:serviceTask c:serviceTask"
FLOWS = "s>first first>g g>a g>b g>c"
EXCLUSIVE = asked(bpmn(THREE_WAYS.format(gateway="exclusiveGateway=g_c"), FLOWS), g_a="amount > 100", g_b="amount > 10")
INCLUSIVE = asked(bpmn(THREE_WAYS.format(gateway="inclusiveGateway=g_c"), FLOWS), g_a="amount > 100", g_b="amount > 10")


@pytest.mark.parametrize(("amount", "taken"), [("1000", "a"), ("50", "b"), ("5", "c")])
def test_an_exclusive_gateway_takes_the_first_flow_whose_condition_holds_else_the_default(
    amount: str, taken: str
) -> None:
    Story(EXCLUSIVE, variables=(json("amount", amount),)).completes("first").waits_at(taken)


@pytest.mark.parametrize(("amount", "taken"), [("1000", ("a", "b")), ("50", ("b",)), ("5", ("c",))])
def test_an_inclusive_gateway_takes_all_flows_whose_conditions_hold_and_the_default_only_without_any(
    amount: str, taken: tuple[str, ...]
) -> None:
    Story(INCLUSIVE, variables=(json("amount", amount),)).completes("first").waits_at(*taken)


def test_a_condition_sees_the_variables_that_the_worker_set_as_it_completed_the_job() -> None:
    story = Story(EXCLUSIVE, variables=(json("amount", "5"),))
    story.reports("first", process_variables=(json("amount", "1000"),))
    story.waits_at("a")


def test_a_condition_sees_what_the_worker_encrypted() -> None:
    story = Story(EXCLUSIVE)
    story.reports("first", process_variables=(ProcessVariable("amount", Data("json", encrypted=True, value="50")),))
    story.waits_at("b")


def test_a_condition_does_not_see_what_the_worker_deleted() -> None:
    story = Story(EXCLUSIVE, variables=(json("amount", "5"),))
    assert "unknown variable amount" in story.reports("first", process_variables=(ProcessVariable("amount"),)).error


def test_a_condition_sees_variables_that_came_with_a_message_or_were_given_at_the_start() -> None:
    xml = asked(bpmn("s:startEvent g:exclusiveGateway=g_b a:serviceTask b:serviceTask", "s>g g>a g>b"), g_a="n == 1")
    Story(xml, variables=(json("n", "1"),)).waits_at("a")
    Story(xml, variables=(json("n", "2"),)).waits_at("b")


def test_the_innermost_variable_of_a_name_counts() -> None:
    xml = asked(
        bpmn(
            "s:startEvent sub:subProcess is:startEvent@sub w:serviceTask@sub g:exclusiveGateway=g_b@sub"
            " a:serviceTask@sub b:serviceTask@sub",
            "s>sub is>w w>g g>a g>b",
        ),
        g_a="who == 'inner'",
    )
    story = Story(xml, variables=(ProcessVariable("who", text("outer")),))
    story.reports("w", element_variables=(ElementVariable("who", text("inner"), "sub"),))
    story.waits_at("a")
    story = Story(xml, variables=(ProcessVariable("who", text("outer")),)).completes("w").waits_at("b")


@pytest.mark.parametrize("gateway", ["exclusiveGateway", "inclusiveGateway"])
def test_a_job_fails_that_led_to_a_gateway_at_which_nothing_holds(gateway: str) -> None:
    xml = asked(
        bpmn(f"s:startEvent first:serviceTask g:{gateway} a:serviceTask b:serviceTask", "s>first first>g g>a g>b"),
        g_a="n == 1",
        g_b="n == 2",
    )
    story = Story(xml, variables=(json("n", "3"),))
    answer = story.reports("first")
    assert answer.state is WorkState.CAUSED_INCIDENT
    assert answer.error == "no condition holds at element g, which has no default sequence flow"
    story.waits_at("first")
    story.resolves().reports("first", process_variables=(json("n", "2"),))
    story.waits_at("b")


def test_a_job_fails_that_led_to_a_condition_without_an_answer() -> None:
    with pytest.raises(ExecutionError, match="condition of sequence flow g_a: unknown variable amount"):
        Story(EXCLUSIVE).completes("first")


def test_a_start_is_refused_that_leads_to_a_gateway_at_which_nothing_holds() -> None:
    xml = asked(bpmn("s:startEvent g:exclusiveGateway a:serviceTask b:task", "s>g g>a g>b"), g_a="n == 1", g_b="n == 2")
    stage = Stage().deploys(xml)
    with pytest.raises(ExecutionFailed, match="no condition holds"):
        stage.starts(variables=(json("n", "3"),))
    assert not stage.stories()


def test_a_resume_is_refused_that_leads_to_it_and_the_instance_stays_suspended() -> None:
    story = Story(EXCLUSIVE).is_suspended().completes("first").waits_at("g")
    with pytest.raises(ExecutionFailed, match="unknown variable amount"):
        story.is_resumed()
    story.sets(amount="never read as a number")
    with pytest.raises(ExecutionFailed, match="condition of sequence flow g_a"):
        story.is_resumed()
    story.waits_at("g")


def test_a_condition_of_the_default_flow_is_not_asked() -> None:
    xml = asked(
        bpmn("s:startEvent g:exclusiveGateway=g_b a:serviceTask b:serviceTask", "s>g g>a g>b"), g_a="n == 1", g_b="nope"
    )
    Story(xml, variables=(json("n", "2"),)).waits_at("b")


def test_a_gateway_with_one_flow_lets_a_token_out_only_where_its_condition_holds() -> None:
    xml = asked(bpmn("s:startEvent w:serviceTask g:exclusiveGateway a:serviceTask", "s>w w>g g>a"), g_a="n == 1")
    Story(xml, variables=(json("n", "1"),)).completes("w").waits_at("a")
    with pytest.raises(ExecutionError, match="no condition holds"):
        Story(xml, variables=(json("n", "2"),)).completes("w")


def test_an_inclusive_gateway_joins_and_then_decides() -> None:
    xml = asked(
        bpmn(
            "s:startEvent f:parallelGateway x:serviceTask y:serviceTask g:inclusiveGateway=g_b a:serviceTask"
            " b:serviceTask",
            "s>f f>x f>y x>g y>g g>a g>b",
        ),
        g_a="n == 1",
    )
    story = Story(xml, variables=(json("n", "1"),)).completes("x").waits_at("g", "y").completes("y").waits_at("a")
    story.completes("a").has_ended()


def test_a_model_that_names_no_language_leaves_the_decision_to_a_worker() -> None:
    xml = EXCLUSIVE.replace(f' language="{CEL}"', "")
    Story(xml).completes("first").waits_at("g").completes("g", decision="b").waits_at("b")


def test_great_values_cost_steps_so_that_no_turn_weighs_them_for_ever() -> None:
    gateways = " ".join(f"g{n}:exclusiveGateway=g{n}_g{n + 1}" for n in range(10))
    flows = " ".join(f"g{n}>g{n + 1} g{n}>out" for n in range(9))
    xml = asked(
        bpmn(
            f"s:startEvent w:serviceTask {gateways.replace('g9:exclusiveGateway=g9_g10', 'g9:task')} out:task",
            f"s>w w>g0 {flows}",
        ),
        **{f"g{n}_out": "v.contains('needle')" for n in range(9)},
    )
    Story(xml, variables=(ProcessVariable("v", text("x" * 10_000)),)).completes("w").has_ended()
    with pytest.raises(ExecutionError, match="more than 10000 steps"):
        Story(xml, variables=(ProcessVariable("v", text("x" * 200_000)),)).completes("w")
