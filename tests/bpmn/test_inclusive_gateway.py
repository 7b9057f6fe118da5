"""Inclusive gateway: a token along each chosen flow, and a join that waits for what can still come."""

import pytest

from domain.bpmn.events import ElementCompleted, JobType
from domain.bpmn.execution import ExecutionError
from tests.bpmn.drawing import at_once, boundary, event, line, process, sub
from tests.story import Story, bpmn

FORK = bpmn("s:startEvent g:inclusiveGateway=g_c a:serviceTask b:serviceTask c:serviceTask", "s>g g>a g>b g>c")
FORK_WITHOUT_DEFAULT = FORK.replace(' default="g_c"', "")
FORK_JOIN = bpmn(
    "s:startEvent g:inclusiveGateway a:serviceTask b:serviceTask c:serviceTask j:inclusiveGateway last:serviceTask",
    "s>g g>a g>b g>c a>j b>j c>j j>last",
)


def decided(story: Story, *targets: str, at: str = "g") -> Story:
    return story.completes(at, inclusive_gateway_decision=targets)


def test_a_worker_decides_where_tokens_go() -> None:
    story = Story(FORK_WITHOUT_DEFAULT).waits_at("g")
    assert story.job_at("g").type is JobType.EVALUATE_INCLUSIVE_GATEWAY
    decided(story, "a", "b").waits_at("a", "b").completes("a").completes("b").has_ended()


def test_the_default_flow_is_taken_in_addition_to_any_decision() -> None:
    decided(Story(FORK), "a").waits_at("a", "c")
    decided(Story(FORK), "a", "c").waits_at("a", "c")
    Story(FORK).completes("g").waits_at("c")


@pytest.mark.parametrize(
    ("decision", "error"),
    [
        ((), "expected an inclusive gateway decision"),
        (("a", "a"), "decision contains duplicate BPMN element ID a"),
        (("a", "nowhere"), "element g has no outgoing sequence flow to nowhere"),
    ],
)
def test_a_wrong_decision_is_an_error_of_the_job(decision: tuple[str, ...], error: str) -> None:
    story = Story(FORK_WITHOUT_DEFAULT)
    with pytest.raises(ExecutionError, match=error):
        decided(story, *decision)
    decided(story.waits_at("g").resolves(), "b").waits_at("b")


def test_a_gateway_with_one_flow_in_and_one_out_lets_tokens_pass() -> None:
    Story(bpmn("s:startEvent g:inclusiveGateway a:serviceTask", "s>g g>a")).waits_at("a")


@pytest.mark.parametrize("chosen", ["a", "ab", "abc"])
def test_a_join_waits_for_those_that_were_chosen_and_no_others(chosen: str) -> None:
    story = decided(Story(FORK_JOIN), *chosen)
    *first, last = list(chosen)
    for number, branch in enumerate(first):
        story.completes(branch).waits_at(*chosen[number + 1 :], *["j"] * (number + 1))
    story.completes(last).waits_at("last").completes("last").has_ended()
    assert story.ends_of("j") == ["COMPLETED"] * len(chosen)


def test_the_token_that_came_first_goes_on() -> None:
    story = decided(Story(FORK_JOIN), "a", "b").completes("b")
    first = story.at("j").id
    story.completes("a")
    assert [fact.id for fact in story.facts if isinstance(fact, ElementCompleted)][-1] == first


def test_a_token_that_ends_elsewhere_lets_the_join_go_on() -> None:
    xml = bpmn(
        "s:startEvent f:parallelGateway a:serviceTask x:exclusiveGateway e:endEvent j:inclusiveGateway"
        " last:serviceTask",
        "s>f f>a f>x x>e x>j a>j j>last",
    )
    story = Story(xml).completes("a").waits_at("j", "x")
    story.completes("x", decision="e").waits_at("last")


def test_a_token_that_goes_the_same_way_round_again_is_waited_for() -> None:
    xml = bpmn(
        "s:startEvent f:parallelGateway a:serviceTask m:exclusiveGateway w:serviceTask x:exclusiveGateway"
        " j:inclusiveGateway last:serviceTask",
        "s>f f>a a>j f>m m>w w>x x>m x>j j>last",
    )
    story = Story(xml).completes("a").waits_at("j", "w")
    story.completes("w").completes("x", decision="m").waits_at("j", "w")
    story.completes("w").completes("x", decision="j").waits_at("last")


def test_a_token_that_can_come_by_a_flow_that_brought_one_is_not_waited_for() -> None:
    """BPMN 2.0, 13.4.3 (iv) to (vi): ``b`` leads to both flows of the join, and one of them has a token."""
    xml = bpmn(
        "s:startEvent f:parallelGateway a:task b:serviceTask x:exclusiveGateway one:exclusiveGateway two:serviceTask"
        " j:inclusiveGateway last:serviceTask",
        "s>f f>a f>b a>one b>x x>one x>two one>j two>j j>last",
    )
    Story(xml).waits_at("b", "last")


def test_a_second_token_by_the_same_flow_joins_the_next_time() -> None:
    xml = bpmn(
        "s:startEvent f:parallelGateway a:task b:task c:serviceTask m:exclusiveGateway j:inclusiveGateway"
        " last:serviceTask",
        "s>f f>a f>b f>c a>m b>m m>j c>j j>last",
    )
    story = Story(xml).waits_at("c", "j", "j").completes("c")
    story.waits_at("last", "last").completes("last").completes("last").has_ended()


def test_two_flows_from_one_element_are_two() -> None:
    Story(
        bpmn("s:startEvent f:parallelGateway j:inclusiveGateway last:serviceTask", "s>f f>j f>j j>last").replace(
            '<sequenceFlow id="f_j"', '<sequenceFlow id="again"', 1
        )
    ).waits_at("last")


def test_a_join_with_several_flows_out_asks_once_where_to_go() -> None:
    xml = bpmn(
        "s:startEvent f:parallelGateway a:serviceTask b:serviceTask j:inclusiveGateway x:serviceTask y:serviceTask",
        "s>f f>a f>b a>j b>j j>x j>y",
    )
    story = Story(xml).completes("a").completes("b").waits_at("j")
    assert len(story.instance.jobs) == 1
    decided(story, "x", "y", at="j").waits_at("x", "y")


def test_a_token_that_asks_where_to_go_is_not_joined_by_the_next() -> None:
    xml = bpmn(
        "s:startEvent f:parallelGateway a:serviceTask b:serviceTask m:exclusiveGateway c:serviceTask j:inclusiveGateway"
        " x:serviceTask y:serviceTask",
        "s>f f>a f>b a>m b>m m>c c>j f>j j>x j>y",
    )
    story = Story(xml).waits_at("a", "b", "j").completes("a").completes("c").waits_at("b", "j")
    story.completes("b").completes("c").waits_at("j", "j")
    assert len(story.instance.jobs) == 2
    decided(decided(story, "x", at="j"), "y", at="j").waits_at("x", "y")


def test_a_failed_decision_at_a_join_waits_for_its_resolution_alone() -> None:
    xml = bpmn(
        "s:startEvent f:parallelGateway a:task b:task j:inclusiveGateway x:serviceTask y:serviceTask",
        "s>f f>a f>b a>j b>j j>x j>y",
    )
    story = Story(xml).fails("j").waits_at("j")
    assert not story.instance.jobs
    decided(story.resolves(), "y", at="j").waits_at("y")


def test_a_sub_process_on_the_way_is_waited_for_and_joins_for_itself() -> None:
    inner = line("is:startEvent>if:parallelGateway>ia:serviceTask>ij:inclusiveGateway>ie:endEvent if>ib:serviceTask>ij")
    xml = process(
        line("s:startEvent>f:parallelGateway>a:serviceTask>j:inclusiveGateway>last:serviceTask f>u>j"), sub("u", inner)
    )
    Story(xml).completes("a").completes("ia").waits_at("j", "ij", "ib").completes("ib").waits_at("last")


def test_each_run_of_a_sub_process_joins_its_own_tokens() -> None:
    inner = line(
        "is:startEvent>if:parallelGateway>ia:serviceTask>ij:inclusiveGateway>il:serviceTask if>ib:serviceTask>ij"
    )
    story = Story(process(line("s:startEvent>u>last:serviceTask"), sub("u", inner, several=at_once(2))))
    first, second = [job.id for job in story.instance.jobs.values() if job.element == "ia"]
    assert first < second
    story.completes("ia").completes("ia").waits_at("ij", "ij", "ib", "ib")
    story.completes("ib").waits_at("ij", "ib", "il").completes("ib").waits_at("il", "il")


def test_a_boundary_event_on_the_way_to_the_join_is_waited_for() -> None:
    xml = process(
        line(
            "s:startEvent>f:parallelGateway>a:serviceTask>j:inclusiveGateway>last:serviceTask"
            " f>w:serviceTask>e:endEvent"
        ),
        boundary("b", "w", "error", "E"),
        line("b>j"),
    )
    Story(xml).completes("a").waits_at("j", "w").completes("w").waits_at("last")
    Story(xml).completes("a").completes("w", error_code="E").waits_at("last")


def test_an_armed_event_is_no_token_of_its_own() -> None:
    """The token in ``w`` can come by the flow that brought one, so its event is not waited for either."""
    xml = process(
        line("s:startEvent>f:parallelGateway>a:task>m:exclusiveGateway>j:inclusiveGateway>last:serviceTask"),
        line("f>w:serviceTask>m"),
        boundary("b", "w", "error", "E"),
        line("b>j"),
    )
    Story(xml).waits_at("w", "last")


def test_a_link_leads_to_the_join() -> None:
    throw = '<intermediateThrowEvent id="t"><linkEventDefinition name="L"/></intermediateThrowEvent>'
    catch = '<intermediateCatchEvent id="c"><linkEventDefinition name="L"/></intermediateCatchEvent>'
    xml = process(
        line("s:startEvent>f:parallelGateway>a:serviceTask>j:inclusiveGateway>last:serviceTask f>w:serviceTask>t c>j"),
        throw,
        catch,
    )
    Story(xml).completes("a").waits_at("j", "w").completes("w").waits_at("last")


def test_an_event_based_gateway_on_the_way_is_waited_for_and_its_events_are_not_counted_again() -> None:
    xml = process(
        line("s:startEvent>f:parallelGateway>a:serviceTask>j:inclusiveGateway>last:serviceTask"),
        line("f>g:eventBasedGateway>x g>y x>j y>e:endEvent"),
        event("intermediateCatchEvent", "x", "signal", "X"),
        event("intermediateCatchEvent", "y", "signal", "Y"),
    )
    story = Story(xml).completes("a").waits_at("g", "j")
    story.stage.sends_signal("Y")
    story.runs_all_tasks().waits_at("last")


def test_tokens_that_arrive_while_suspended_join_on_resume() -> None:
    story = decided(Story(FORK_JOIN), "a", "b", "c").completes("a").is_suspended()
    story.completes("b").completes("c").waits_at("j", "j", "j").is_resumed().waits_at("last")


def test_a_join_waits_on_while_suspended_even_when_nothing_can_come_any_more() -> None:
    xml = bpmn(
        "s:startEvent f:parallelGateway a:serviceTask b:serviceTask x:exclusiveGateway e:serviceTask"
        " j:inclusiveGateway last:serviceTask",
        "s>f f>a f>x x>b b>e x>j a>j j>last",
    )
    story = Story(xml).completes("a").waits_at("j", "x").is_suspended().completes("x", decision="b").waits_at("j", "b")
    story.is_resumed().waits_at("b", "last")


def test_nested_joins_go_on_one_after_the_other_in_one_turn() -> None:
    xml = bpmn(
        "s:startEvent f:parallelGateway a:serviceTask b:task c:task j:inclusiveGateway k:inclusiveGateway"
        " last:serviceTask",
        "s>f f>a f>b f>c a>j b>j j>k c>k k>last",
    )
    Story(xml).waits_at("a", "j", "k").completes("a").waits_at("last")


@pytest.mark.timeout(10)
def test_many_joins_in_many_scopes_are_looked_at_in_moments() -> None:
    joins = "".join(f" if>a{n}:serviceTask>j{n}:inclusiveGateway if>b{n}:task>j{n}" for n in range(5))
    inner = line("is:startEvent>if:parallelGateway" + joins)
    story = Story(process(line("s:startEvent>u>last:serviceTask"), sub("u", inner, several=at_once(200))))
    story.completes("a0").completes("a0")
    assert story.ends_of("j0") == ["COMPLETED"] * 4
