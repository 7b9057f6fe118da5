"""Activities that run several times, one after another or all at once (BPMN 2.0, 13.3.7)."""

from typing import Any

import pytest

from commands.intents import Data, ProcessVariable
from domain.bpmn.events import ElementEntered, InstanceState, JobType, MultiInstanceBegun, VariableSet
from domain.bpmn.execution import ExecutionError
from domain.rejection import ExecutionFailed
from tests.bpmn.drawing import boundary, event, event_sub, line, process, sub
from tests.story import Stage, Story, text

CEL = "https://cel.dev"


def several(cardinality: str = "", *, sequential: bool = False, until: str = "", item: str = "") -> str:
    """Write the marker of an activity that runs several times."""
    inside = f"<loopCardinality>{cardinality}</loopCardinality>" if cardinality else ""
    inside += f'<inputDataItem id="{item}_item" name="{item}"/>' if item else ""
    if until:
        condition = until.replace("<", "&lt;").replace("&&", "&amp;&amp;")
        inside += f'<completionCondition language="{CEL}">{condition}</completionCondition>'
    order = ' isSequential="true"' if sequential else ""
    return f"<multiInstanceLoopCharacteristics{order}>{inside}</multiInstanceLoopCharacteristics>"


def around(activity: str, *beside: str) -> str:
    """Write a process with an activity ``m``, which a service task ``after`` follows."""
    return process(line("s:startEvent>m>after:serviceTask"), activity, *beside)


def work(marker: str, tag: str = "serviceTask") -> str:
    return f'<{tag} id="m">{marker}</{tag}>'


def instances(story: Story) -> list[int]:
    """Return which instances live: their loop counters."""
    return [e.loop_counter for e in story.instance.elements.values() if e.loop_counter]


def items(*values: str) -> tuple[Data, ...]:
    return tuple(map(text, values))


def test_all_instances_run_at_once_and_the_activity_is_over_with_the_last() -> None:
    story = Story(around(work(several("3")))).waits_at("m", "m", "m")
    assert instances(story) == [1, 2, 3]
    story.completes("m").completes("m").waits_at("m").completes("m").waits_at("after").completes("after").has_ended()


def test_in_sequence_each_instance_begins_when_the_one_before_has_ended() -> None:
    story = Story(around(work(several("3", sequential=True))))
    for counter in (1, 2, 3):
        story.waits_at("m")
        assert instances(story) == [counter]
        story.completes("m")
    story.waits_at("after")


def test_the_body_is_a_scope_of_its_own_and_its_instances_lie_in_it() -> None:
    story = Story(around(work(several("2"))))
    body, *inside = [fact for fact in story.facts if isinstance(fact, ElementEntered) and fact.element == "m"]
    assert body.multi_instance
    assert [(e.parent_id, e.loop_counter, e.multi_instance) for e in inside] == [
        (body.id, 1, False),
        (body.id, 2, False),
    ]
    assert story.completes("m").completes("m").ends_of("m") == ["COMPLETED"] * 3


@pytest.mark.parametrize("sequential", [False, True])
def test_a_worker_says_how_often(*, sequential: bool) -> None:
    story = Story(around(work(several(sequential=sequential)))).waits_at("m")
    assert story.job_at("m").type is JobType.SET_MULTI_INSTANCE
    story.completes("m", loop_cardinality=2)
    story.completes("m").completes("m").waits_at("after")


def test_a_worker_gives_items_and_each_instance_gets_its_own() -> None:
    story = Story(around(work(several(item="order")))).completes("m", loop_items=items("tea", "salt", "rice"))
    bodies = [e.id for e in story.instance.elements.values() if e.loop_counter]
    given = [(e.element_instance_id, e.name, e.value) for e in story.facts if isinstance(e, VariableSet)]
    assert given == [(bodies[0], "order", "tea"), (bodies[1], "order", "salt"), (bodies[2], "order", "rice")]


def test_in_sequence_the_items_come_in_their_order() -> None:
    story = Story(around(work(several(sequential=True, item="order")))).completes("m", loop_items=items("tea", "salt"))
    assert [e.value for e in story.facts if isinstance(e, VariableSet)] == ["tea"]
    story.completes("m")
    assert [e.value for e in story.facts if isinstance(e, VariableSet)] == ["tea", "salt"]


def test_items_without_a_name_for_them_say_how_often_and_no_more() -> None:
    story = Story(around(work(several()))).completes("m", loop_items=items("tea", "salt")).waits_at("m", "m")
    assert "VariableSet" not in story.names()


@pytest.mark.parametrize("said", [{}, {"loop_cardinality": -1}])
def test_a_worker_has_to_say_it(said: dict[str, Any]) -> None:
    with pytest.raises(ExecutionError, match="expected a loop cardinality or loop items"):
        Story(around(work(several()))).completes("m", **said)


@pytest.mark.parametrize("said", [{"loop_cardinality": 0}, {"loop_items": ()}])
def test_for_no_items_the_activity_is_over_at_once(said: dict[str, Any]) -> None:
    Story(around(work(several()))).completes("m", **said).waits_at("after")


@pytest.mark.parametrize("sequential", [False, True])
def test_a_cardinality_of_none_is_over_at_once(*, sequential: bool) -> None:
    Story(around(work(several("0", sequential=sequential)))).waits_at("after")


@pytest.mark.parametrize("cardinality", ["10001", "1000000000"])
def test_more_at_once_than_a_turn_can_begin_is_refused_at_the_start(cardinality: str) -> None:
    stage = Stage().deploys(around(work(several(cardinality))))
    with pytest.raises(ExecutionFailed, match=f"loop cardinality {cardinality} exceeds a maximum of 10000"):
        stage.starts()


def test_a_worker_that_says_a_billion_gets_an_incident() -> None:
    story = Story(around(work(several())))
    with pytest.raises(ExecutionError, match="loop cardinality 1000000000 exceeds a maximum of 10000"):
        story.completes("m", loop_cardinality=1_000_000_000)
    story.waits_at("m").resolves().completes("m", loop_cardinality=1).completes("m").waits_at("after")


def test_a_billion_in_sequence_is_a_long_way_and_nothing_else() -> None:
    story = Story(around(work(several("1000000000", sequential=True))))
    story.completes("m").completes("m").waits_at("m")
    assert instances(story) == [3]


def test_a_billion_in_sequence_that_wait_for_nobody_end_in_the_step_budget() -> None:
    stage = Stage().deploys(around(work(several("1000000000", sequential=True), "task")))
    with pytest.raises(ExecutionFailed, match="more than 10000 steps"):
        stage.starts()


def test_the_events_of_all_of_them_count_as_steps_too() -> None:
    events = [event_sub(f"on{number}", "signal", "S") for number in range(100)]
    inside = line("is:startEvent>work:serviceTask")
    stage = Stage().deploys(around(sub("m", inside, *events, several=several("1000"))))
    with pytest.raises(ExecutionFailed, match="more than 10000 steps"):
        stage.starts()


@pytest.mark.parametrize("sequential", [False, True])
@pytest.mark.parametrize("tag", ["task", "manualTask"])
def test_what_nobody_has_to_do_is_done_several_times_at_once(tag: str, *, sequential: bool) -> None:
    story = Story(around(work(several("3", sequential=sequential), tag))).waits_at("after")
    assert story.ends_of("m") == ["COMPLETED"] * 4


@pytest.mark.timeout(10)
def test_thousands_at_once_begin_and_end_together_within_moments() -> None:
    marker = several("9900", until="numberOfCompletedInstances >= 1")
    story = Story(around(work(marker, "userTask")))
    assert len(instances(story)) == 9900
    story.updates("m", completed=True)
    story.waits_at("after")
    assert story.names().count("UserTaskTerminated") == 9899


def test_when_the_completion_condition_holds_the_others_are_terminated() -> None:
    story = Story(around(work(several("3", until="numberOfCompletedInstances == 2"))))
    story.completes("m").waits_at("m", "m").completes("m").waits_at("after")
    assert story.ends_of("m") == ["COMPLETED", "COMPLETED", "TERMINATED", "COMPLETED"]


def test_in_sequence_no_other_begins_when_the_completion_condition_holds() -> None:
    story = Story(around(work(several("3", sequential=True, until="numberOfCompletedInstances == 2"))))
    story.completes("m").completes("m").waits_at("after")


def test_the_completion_condition_sees_variables_and_what_the_last_worker_set() -> None:
    story = Story(around(work(several("5", until="found == 'yes'"))), variables=(ProcessVariable("found", text("no")),))
    story.completes("m").waits_at(*["m"] * 4)
    story.reports("m", process_variables=(ProcessVariable("found", text("yes")),))
    story.waits_at("after")


def test_a_completion_condition_without_an_answer_fails_the_job_that_led_to_it() -> None:
    with pytest.raises(ExecutionError, match="condition of element m: unknown variable nobody"):
        Story(around(work(several("2", until="nobody > 1")))).completes("m")


def test_user_tasks_and_receive_tasks_run_several_times() -> None:
    story = Story(around(work(several("2"), "userTask")))
    story.updates("m", completed=True)
    story.waits_at("m").updates("m", completed=True)
    story.waits_at("after")
    receive = '<receiveTask id="m" messageRef="message_paid">' + several("2") + "</receiveTask>"
    story = Story(around(receive)).completes("m", message_correlation_key="k").waits_at("m", "m")
    story.completes("m", message_correlation_key="k")
    story.stage.sends_message("paid", "k")
    story.runs_all_tasks().waits_at("m").stage.sends_message("paid", "k")
    story.runs_all_tasks().waits_at("after")


def test_call_activities_call_as_often_and_each_returns_by_itself() -> None:
    stage = Stage().deploys(process(line("cs:startEvent>do:serviceTask"), process_id="child"), "child")
    stage.deploys(around(f'<callActivity id="m" calledElement="child">{several("2")}</callActivity>'))
    story = stage.starts().completes("m").completes("m").waits_at("m", "m")
    first, second = stage.stories("child")
    second.completes("do").has_ended()
    story.completes("m").waits_at("m")
    first.completes("do").has_ended()
    story.completes("m").waits_at("after")


SUB = sub("m", several("2"), line("is:startEvent>first:serviceTask>second:serviceTask"))


def test_sub_processes_run_side_by_side() -> None:
    story = Story(around(SUB)).waits_at("first", "first").completes("first").waits_at("first", "second")
    story.completes("second").waits_at("first").completes("first").completes("second").waits_at("after")


def test_several_within_several_count_for_themselves() -> None:
    inner = f'<serviceTask id="i">{several("2")}</serviceTask>'
    story = Story(around(sub("m", several("2", sequential=True), line("is:startEvent>i"), inner)))
    assert instances(story) == [1, 1, 2]
    story.completes("i").completes("i")
    assert instances(story) == [2, 1, 2]
    story.completes("i").completes("i").waits_at("after")


def test_a_boundary_event_of_the_activity_ends_all_its_instances() -> None:
    story = Story(around(work(several("3")), boundary("b", "m", "signal", "stop"), line("b>out:serviceTask")))
    story.is_armed_with("b").stage.sends_signal("stop")
    story.runs_all_tasks().waits_at("out").is_armed_with()
    assert story.ends_of("m") == ["TERMINATED"] * 4


def test_a_boundary_event_is_armed_once_and_gone_with_the_activity() -> None:
    story = Story(around(work(several("2")), boundary("b", "m", "signal", "stop"), line("b>out:serviceTask")))
    story.completes("m").is_armed_with("b").completes("m").is_armed_with().waits_at("after")
    assert story.stage.sends_signal("stop").subscriber_count == 0


def test_a_boundary_event_that_does_not_interrupt_leaves_the_instances_alone() -> None:
    xml = around(
        work(several("2")), boundary("b", "m", "signal", "tell", interrupting=False), line("b>out:serviceTask")
    )
    story = Story(xml)
    story.stage.sends_signal("tell")
    story.runs_all_tasks().waits_at("m", "m", "out").is_armed_with("b")


def test_a_boundary_event_that_has_to_be_asked_for_holds_all_instances_back() -> None:
    story = Story(around(work(several("2")), boundary("b", "m", "signal"), line("b>out:serviceTask"))).waits_at("m")
    assert story.state_of("m") is InstanceState.CREATED
    story.completes("b", signal_name="stop").waits_at("m", "m")


def test_an_error_out_of_one_instance_ends_them_all() -> None:
    story = Story(around(work(several("3")), boundary("b", "m", "error", "E"), line("b>out:serviceTask")))
    story.completes("m").completes("m", error_code="E").waits_at("out")


def test_an_error_end_event_in_one_sub_process_ends_them_all() -> None:
    inside = line("is:startEvent>first:serviceTask>bad") + event("endEvent", "bad", "error", "E")
    xml = around(sub("m", several("2"), inside), boundary("b", "m", "error", "E"), line("b>out:serviceTask"))
    Story(xml).completes("first").runs_all_tasks().waits_at("out")


def test_an_event_sub_process_catches_an_error_of_its_own_instance_only() -> None:
    caught = event_sub("h", "error", "E", line("h_start>mend:serviceTask"))
    story = Story(around(sub("m", several("2"), line("is:startEvent>first:serviceTask"), caught)))
    story.is_armed_with("h", "h").completes("first", error_code="E").waits_at("first", "mend").is_armed_with("h")
    story.completes("mend").completes("first").waits_at("after").is_armed_with()


@pytest.mark.parametrize("sequential", [False, True])
def test_instances_that_a_worker_asks_for_while_suspended_begin_on_resume(*, sequential: bool) -> None:
    story = Story(around(work(several(sequential=sequential)))).is_suspended().completes("m", loop_cardinality=2)
    assert instances(story) == []
    assert story.state_of("m") is InstanceState.SUSPENDED
    story.is_resumed()
    assert instances(story) == ([1] if sequential else [1, 2])
    story.completes("m").completes("m").waits_at("after")


def test_in_sequence_the_next_instance_waits_for_the_resume() -> None:
    story = Story(around(work(several("2", sequential=True)))).is_suspended().completes("m")
    assert instances(story) == []
    story.is_resumed()
    assert instances(story) == [2]
    story.is_suspended().completes("m").is_resumed().waits_at("after")


def test_instances_that_end_while_suspended_count_on_resume() -> None:
    story = Story(around(work(several("3", until="numberOfCompletedInstances == 1"))))
    story.is_suspended().completes("m").waits_at("m", "m").is_resumed().waits_at("after")


def test_a_resume_before_any_instance_has_ended_does_not_ask_whether_it_is_enough() -> None:
    story = Story(around(work(several("2", until="true")))).is_suspended().is_resumed().waits_at("m", "m")
    story.completes("m").waits_at("after")


def test_an_activity_reached_while_suspended_begins_on_resume() -> None:
    xml = process(line("s:startEvent>before:serviceTask>m>after:serviceTask"), work(several("2")))
    story = Story(xml).is_suspended().completes("before").waits_at("m").is_resumed().waits_at("m", "m")
    story.completes("m").completes("m").waits_at("after")


def test_the_facts_tell_how_often_and_for_what() -> None:
    story = Story(around(work(several(item="order")))).completes("m", loop_items=items("tea"))
    (begun,) = [fact for fact in story.facts if isinstance(fact, MultiInstanceBegun)]
    assert (begun.cardinality, [item.value for item in begun.items]) == (1, ["tea"])


def test_a_terminate_end_event_ends_its_own_instance_only() -> None:
    inside = line("is:startEvent>f:parallelGateway>first:serviceTask>t f>other:serviceTask")
    terminate = '<endEvent id="t"><terminateEventDefinition/></endEvent>'
    story = Story(around(sub("m", several("2"), inside, terminate))).completes("first").waits_at("first", "other")
    story.completes("first").waits_at("after")


def test_in_sequence_a_resume_while_an_instance_runs_begins_no_other() -> None:
    story = Story(around(work(several("2", sequential=True)))).is_suspended().is_resumed().waits_at("m")
    assert instances(story) == [1]
