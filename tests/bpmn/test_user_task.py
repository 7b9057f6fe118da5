"""User task: a person works on a record that has revisions (contracts/engine.md 2.12, 2.14)."""

from typing import Any

import pytest

from commands.intents import ElementVariable, EntityId, ProcessVariable, Tag
from commands.jobs import CalledProcess
from commands.user_tasks import UpdateUserTask
from domain.bpmn.events import InstanceState
from domain.bpmn.instance import PROCESS_SCOPE
from domain.rejection import ExecutionFailed, InvalidInput, InvalidState, NotFound
from tests.bpmn.drawing import ANY, at_once, boundary, event, fates, line, process, sub
from tests.story import Stage, Story, bpmn, tags, text

HANDLED = line("b>handled:serviceTask")
ASK = line("s:startEvent>ask:userTask>after:serviceTask")
BOTH = pytest.mark.parametrize("interrupting", [True, False])


def target(story: Story) -> EntityId:
    return EntityId(story.identity.partition, story.user_task_at("ask").id)


def test_it_waits_for_a_person_and_no_worker_and_goes_on_when_it_is_completed() -> None:
    story = Story(process(ASK)).waits_at("ask")
    assert not story.instance.jobs
    task = story.user_task_at("ask")
    assert (task.revision, task.tags, task.created_by) == (1, {}, "worker")
    answer = story.updates("ask", completed=True)
    assert (answer.state, answer.user_task.revision, answer.updated_by) == (InstanceState.COMPLETED, 2, "person")
    story.waits_at("after")
    assert not story.instance.user_tasks
    story.completes("after").has_ended()


def test_it_carries_the_correlation_key_of_its_instance() -> None:
    story = Stage().deploys(process(ASK)).starts(correlation_key="order-7")
    assert story.user_task_at("ask").correlation_key == "order-7"


def test_an_update_that_ends_nothing_counts_as_a_revision() -> None:
    story = Story(process(ASK))
    answer = story.updates("ask")
    assert (answer.state, answer.user_task.revision) == (InstanceState.STARTED, 2)
    assert story.waits_at("ask").updates("ask").user_task.revision == 3


@pytest.mark.parametrize("revision", [1, 3])
def test_only_its_current_revision_is_updated(revision: int) -> None:
    story = Story(process(ASK))
    story.updates("ask", tags=tags(of="first"))
    before = len(story.facts)
    with pytest.raises(InvalidState, match=rf"is not in revision {revision}, but 2$"):
        story.updates("ask", revision=revision, completed=True)
    assert len(story.facts) == before


@pytest.mark.parametrize(
    "said",
    [
        {"completed": True, "error_code": "E"},
        {"completed": True, "escalation_code": "X"},
        {"error_code": "E", "escalation_code": "X"},
        {"completed": True, "error_code": "E", "escalation_code": "X"},
    ],
)
def test_it_ends_in_one_way(said: dict[str, Any]) -> None:
    story = Story(process(ASK))
    with pytest.raises(InvalidInput, match="expected to either complete user task, throw error or escalate user task"):
        story.updates("ask", **said)
    assert story.user_task_at("ask").revision == 1


def test_one_that_has_ended_is_not_updated() -> None:
    story = Story(process(ASK))
    ended = target(story)
    story.updates("ask", completed=True)
    with pytest.raises(InvalidState, match="is not in state STARTED, but COMPLETED"):
        story.stage.send(UpdateUserTask(revision=2, worker_id="person"), ended)
    with pytest.raises(NotFound, match="could not be found"):
        story.stage.send(UpdateUserTask(revision=1, worker_id="person"), ended._replace(id=99))


def test_tags_are_merged_by_name_and_an_empty_value_deletes_one() -> None:
    story = Story(process(ASK))
    story.updates("ask", tags=tags(team="red", city="Rome"))
    assert story.updates("ask", tags=tags(team="blue", prio="1")).user_task.tags == {
        "team": "blue",
        "city": "Rome",
        "prio": "1",
    }
    assert story.updates("ask", tags=tags(city="", never="")).user_task.tags == {"team": "blue", "prio": "1"}
    assert story.updates("ask").user_task.tags == {"team": "blue", "prio": "1"}
    assert story.updates("ask", completed=True, tags=tags(done="yes")).user_task.tags["done"] == "yes"


def test_of_two_tags_of_one_name_the_last_counts() -> None:
    story = Story(process(ASK))
    assert story.updates("ask", tags=(Tag("a", "1"), Tag("a", "2"))).user_task.tags == {"a": "2"}


def test_variables_come_with_an_update() -> None:
    story = Story(process(ASK))
    story.updates(
        "ask",
        process_variables=(ProcessVariable("n", text("1")),),
        element_variables=(ElementVariable("m", text("2")), ElementVariable("o", text("3"), bpmn_element_id="p")),
    )
    variables = {scope: set(names) for scope, names in story.instance.variables.items()}
    assert variables == {PROCESS_SCOPE: {"n"}, story.at("ask").id: {"m"}, story.at("p").id: {"o"}}


@pytest.mark.parametrize("host", ["ask", "sub"])
def test_an_error_ends_it_and_the_token_goes_on_from_the_event_that_catches(host: str) -> None:
    inner = sub("sub", line("is:startEvent>ask:userTask"))
    story = Story(
        process(line("s:startEvent>sub>normal:serviceTask"), inner, HANDLED, boundary("b", host, "error", "E"))
        if host == "sub"
        else process(ASK, HANDLED, boundary("b", host, "error", "E"))
    )
    answer = story.updates("ask", error_code="E", tags=tags(why="no"))
    assert (answer.state, answer.user_task.revision, answer.user_task.tags) == (
        InstanceState.TERMINATED,
        2,
        {"why": "no"},
    )
    story.waits_at("handled")
    assert (fates(story, "ask"), fates(story, "b")) == (["TERMINATED"], ["COMPLETED"])
    assert fates(story, "normal") == fates(story, "after") == []
    assert not story.instance.user_tasks
    story.completes("handled").has_ended()


@pytest.mark.parametrize(
    ("said", "title", "detail"),
    [
        ({"error_code": "F"}, "failed to throw BPMN error", "failed to find boundary event for error code F"),
        (
            {"escalation_code": "F"},
            "failed to escalate user task",
            "failed to find boundary event for escalation code F",
        ),
    ],
)
def test_a_code_that_nobody_catches_is_refused_and_changes_nothing(
    said: dict[str, str], title: str, detail: str
) -> None:
    story = Story(process(ASK, HANDLED, boundary("b", "ask", "error", "E")))
    before = len(story.facts)
    with pytest.raises(ExecutionFailed) as refused:
        story.updates("ask", process_variables=(ProcessVariable("n", text("1")),), tags=tags(a="1"), **said)
    assert (refused.value.title, refused.value.detail) == (title, detail)
    assert len(story.facts) == before
    assert story.user_task_at("ask").revision == 1


def test_an_escalation_that_does_not_interrupt_leaves_it_with_one_more_revision() -> None:
    story = Story(process(ASK, HANDLED, boundary("b", "ask", "escalation", "X", interrupting=False)))
    answer = story.updates("ask", escalation_code="X")
    assert (answer.state, answer.user_task.revision) == (InstanceState.STARTED, 2)
    story.waits_at("ask", "handled").is_armed_with("b")
    assert (fates(story, "ask"), fates(story, "b")) == (["STARTED"], ["COMPLETED", "CREATED"])
    story.updates("ask", escalation_code="X")
    story.waits_at("ask", "handled", "handled").updates("ask", completed=True)
    story.waits_at("after", "handled", "handled").is_armed_with()


@pytest.mark.parametrize("host", ["ask", "sub"])
def test_an_escalation_that_interrupts_ends_it(host: str) -> None:
    inner = sub(
        "sub",
        line("is:startEvent>ask:userTask"),
        *([boundary("b", "ask", "escalation", ANY), HANDLED] if host == "ask" else []),
    )
    outside = [] if host == "ask" else [boundary("b", "sub", "escalation", ANY), HANDLED]
    story = Story(process(line("s:startEvent>sub"), inner, *outside))
    assert story.updates("ask", escalation_code="X").state is InstanceState.TERMINATED
    story.waits_at("handled")
    assert not story.instance.user_tasks


def test_interrupting_it_ends_its_record_which_cannot_be_completed_then() -> None:
    model = process(
        line("s:startEvent>ask:userTask s>other:serviceTask"), HANDLED, boundary("b", "ask", "signal", "stop")
    )
    story = Story(model)
    interrupted = target(story)
    story.stage.sends_signal("stop")
    story.runs_all_tasks().waits_at("handled", "other")
    assert not story.instance.user_tasks
    before = len(story.facts)
    with pytest.raises(InvalidState, match="is not in state STARTED, but TERMINATED"):
        story.stage.send(UpdateUserTask(revision=1, worker_id="person", completed=True), interrupted)
    assert len(story.facts) == before
    story.completes("handled").waits_at("other").completes("other").has_ended()


def test_a_worker_is_asked_for_its_events_before_it_is_put_before_people() -> None:
    story = Story(process(ASK, HANDLED, boundary("b", "ask", "error")))
    assert story.state_of("ask") is InstanceState.CREATED
    assert not story.instance.user_tasks
    story.completes("b").updates("ask", error_code="any")
    story.waits_at("handled")


def test_each_of_several_instances_has_a_record_of_its_own() -> None:
    several = f'<userTask id="ask">{at_once(3)}</userTask>'
    story = Story(
        process(line("s:startEvent>ask>after:serviceTask"), several, HANDLED, boundary("b", "ask", "error", "E"))
    )
    assert len(story.instance.user_tasks) == 3
    story.updates("ask", completed=True)
    story.waits_at("ask", "ask")
    story.updates("ask", error_code="E")
    story.waits_at("handled")
    assert not story.instance.user_tasks


def test_while_suspended_it_stays_usable() -> None:
    story = Story(process(ASK)).is_suspended()
    assert story.updates("ask", tags=tags(a="1")).user_task.revision == 2
    story.updates("ask", completed=True)
    story.waits_at("after")
    assert story.state_of("after") is InstanceState.SUSPENDED
    story.is_resumed().completes("after").has_ended()


def test_one_reached_while_suspended_is_put_before_people_on_resume() -> None:
    story = Story(bpmn("s:startEvent a:serviceTask ask:userTask", "s>a a>ask")).is_suspended().completes("a")
    assert not story.instance.user_tasks
    story.is_resumed().updates("ask", completed=True)
    story.has_ended()


def test_a_terminate_end_event_beside_it_ends_its_record() -> None:
    model = process(line("s:startEvent>ask:userTask s>work:serviceTask>x"), event("endEvent", "x", "terminate"))
    story = Story(model).completes("work").has_ended()
    assert story.names().count("UserTaskTerminated") == 1


@BOTH
def test_its_escalation_crosses_to_the_activity_that_called(*, interrupting: bool) -> None:
    stage = Stage().deploys(process(ASK, process_id="child"), "child")
    event_beside = boundary("b", "call", "escalation", "X", interrupting=interrupting)
    stage.deploys(process(line("s:startEvent>call:callActivity"), HANDLED, event_beside))
    story = stage.starts().completes("call", called_process=CalledProcess("child", "1"))
    child = story.called_by("call")
    answer = child.updates("ask", escalation_code="X")
    story.runs_task_at("b")
    if interrupting:
        assert answer.state is InstanceState.TERMINATED
        child.has_ended(InstanceState.TERMINATED)
        story.waits_at("handled")
    else:
        assert answer.state is InstanceState.STARTED
        child.waits_at("ask").updates("ask", completed=True)
        story.waits_at("call", "handled")


def test_its_error_crosses_to_the_activity_that_called() -> None:
    stage = Stage().deploys(process(ASK, process_id="child"), "child")
    stage.deploys(process(line("s:startEvent>call:callActivity"), HANDLED, boundary("b", "call", "error", "E")))
    story = stage.starts().completes("call", called_process=CalledProcess("child", "1"))
    child = story.called_by("call")
    assert child.updates("ask", error_code="E").state is InstanceState.TERMINATED
    child.has_ended(InstanceState.TERMINATED)
    story.runs_task_at("b").waits_at("handled")
