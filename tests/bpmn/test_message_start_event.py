"""Message start event: a message begins an instance, or an event sub-process (contracts/engine.md 2.2, 2.9)."""

from datetime import timedelta

import pytest

from commands.incidents import ResolveIncident
from commands.intents import ProcessVariable
from domain.bpmn.events import InstanceState, JobType, TaskType
from domain.rejection import InvalidInput
from tests.story import Stage, Story, bpmn, text

ORDER = bpmn("s:messageStart~ordered a:serviceTask e:endEvent", "s>a a>e")
DOUBLING_NODES = " ".join(f"f{n}:parallelGateway m{n}:exclusiveGateway a{n}:task b{n}:task" for n in range(15))
DOUBLING_FLOWS = " ".join(
    f"f{n}>a{n} f{n}>b{n} a{n}>m{n} b{n}>m{n}" + (f" m{n}>f{n + 1}" if n < 14 else "") for n in range(15)
)
EITHER = bpmn("n:startEvent s:messageStart~ordered a:serviceTask b:serviceTask", "n>a s>b")


def ordered(xml: str = ORDER) -> Stage:
    return Stage().deploys(xml)


def test_the_message_starts_an_instance_by_a_task_that_the_sender_created() -> None:
    stage = ordered()
    message = stage.sends_message("ordered", "42")
    assert (message.correlated, message.expires_at) == (True, None)
    ((stream, task),) = stage.due_tasks()
    assert (task.type, task.element, task.created_by) == (TaskType.TRIGGER_EVENT, "s", "sender")
    assert task.created_at == message.created_at
    answer = stage.runs(stream, task)
    (story,) = stage.stories()
    assert answer.process_instance_id == story.identity.id
    assert story.instance.created_by == "sender"
    assert story.waits_at("a").job_at("a").created_by == "sender"
    story.completes("a").has_ended()


def test_variables_of_the_message_are_those_of_the_instance_and_what_deletes_one_is_ignored() -> None:
    stage = ordered()
    stage.sends_message("ordered", "42", variables=(ProcessVariable("n", text("1")), ProcessVariable("gone")))
    (story,) = stage.runs_due_tasks().stories()
    assert story.values() == {"n": "1"}


def test_a_process_may_start_by_a_message_or_without_one() -> None:
    stage = ordered(EITHER)
    stage.starts().waits_at("a")
    stage.sends_message("ordered", "42")
    stage.runs_due_tasks().stories()[1].waits_at("b")


def test_with_an_expiration_timer_the_instance_has_no_correlation_key_and_the_message_is_done_with() -> None:
    stage = ordered()
    stage.sends_message("ordered", "42", unique_key="once")
    (story,) = stage.runs_due_tasks().stories()
    assert story.instance.correlation_key == ""
    stage.sends_message("ordered", "42", unique_key="once")
    assert len(stage.runs_due_tasks().stories()) == 2


def test_without_an_expiration_timer_the_unique_key_is_taken_for_as_long_as_the_instance_lives() -> None:
    stage = ordered()
    first = stage.sends_message("ordered", "42", lasts="", unique_key="once")
    assert stage.sends_message("ordered", "42", lasts="", unique_key="once") == first, "before the task has run"
    (story,) = stage.runs_due_tasks().stories()
    assert story.instance.correlation_key == "42"
    assert stage.sends_message("ordered", "42", lasts="", unique_key="once") == first, "while the instance lives"
    assert len(stage.runs_due_tasks().stories()) == 1
    story.completes("a").has_ended()
    assert stage.sends_message("ordered", "42", lasts="", unique_key="once").id > first.id
    assert len(stage.runs_due_tasks().stories()) == 2


@pytest.mark.parametrize("other", [{"unique_key": "twice"}, {"key": "43"}, {"unique_key": ""}])
def test_another_key_starts_another_instance(other: dict[str, str]) -> None:
    stage = ordered()
    stage.sends_message("ordered", "42", lasts="", unique_key="once")
    stage.sends_message("ordered", lasts="", **{"key": "42", "unique_key": "once", **other})
    assert len(stage.runs_due_tasks().stories()) == 2


def test_an_instance_that_is_canceled_frees_the_unique_key_too() -> None:
    stage = ordered()
    stage.sends_message("ordered", "42", lasts="", unique_key="once")
    stage.runs_due_tasks().stories()[0].is_canceled()
    stage.sends_message("ordered", "42", lasts="", unique_key="once")
    assert len(stage.runs_due_tasks().stories()) == 2


def test_deploying_it_does_not_consume_a_message_that_was_sent_before() -> None:
    stage = Stage()
    assert not stage.sends_message("ordered", "42").correlated
    assert stage.deploys(ORDER).runs_due_tasks().stories() == []


def test_only_the_latest_version_is_started() -> None:
    stage = ordered().deploys(ORDER, version="2")
    stage.sends_message("ordered", "42")
    (story,) = stage.runs_due_tasks().stories()
    assert story.instance.version == "2"


def test_a_version_without_it_takes_no_message_any_more() -> None:
    stage = ordered().deploys(bpmn("s:startEvent a:serviceTask", "s>a"), version="2")
    assert not stage.sends_message("ordered", "42").correlated


def test_an_event_that_waits_for_the_message_with_its_key_goes_before_the_start() -> None:
    stage = ordered().deploys(bpmn("s:startEvent c:messageCatch~ordered", "s>c", "q"), "q")
    story = stage.starts("q").completes("c", message_correlation_key="42")
    stage.sends_message("ordered", "42")
    assert stage.runs_due_tasks().stories() == []
    story.has_ended()


def test_a_catch_event_of_another_process_does_not_stand_in_its_way() -> None:
    other = bpmn("s:startEvent c:messageCatch~ordered", "s>c", "q")
    stage = Stage().deploys(other, "q").deploys(ORDER).deploys(ORDER, version="2").deploys(other, "q", version="2")
    assert stage.sends_message("ordered", "42").correlated
    assert len(stage.runs_due_tasks().stories()) == 1


def test_the_name_of_a_start_event_of_another_process_is_refused() -> None:
    stage = ordered()
    with pytest.raises(InvalidInput) as raised:
        stage.deploys(bpmn("s:messageStart~ordered a:task", "s>a", "q"), "q")
    assert raised.value.detail == "invalid or missing event definitions"
    assert [(c.pointer, c.type, c.detail) for c in raised.value.causes] == [
        ("/q/s", "message_event", "start message name ordered must be unique - already defined in process p:1")
    ]


def test_the_name_that_another_process_had_in_an_older_version_is_free() -> None:
    stage = ordered().deploys(bpmn("s:startEvent a:serviceTask", "s>a"), version="2")
    stage.deploys(bpmn("s:messageStart~ordered a:serviceTask", "s>a", "q"), "q")
    stage.sends_message("ordered", "42")
    assert len(stage.runs_due_tasks().stories("q")) == 1


def test_a_task_that_failed_to_start_an_instance_leaves_none_however_often_it_is_tried() -> None:
    stage = ordered(bpmn("s:messageStart~ordered " + DOUBLING_NODES, "s>f0 " + DOUBLING_FLOWS))
    message = stage.sends_message("ordered", "42", unique_key="once")
    ((stream, task),) = stage.due_tasks()
    assert "steps without waiting" in stage.runs(stream, task).error
    assert stage.stories() == []
    assert not stage.due_tasks()
    ((_, stopped),) = stage.log.stopped_outside()
    assert stopped.message_id == message.id
    assert not stage.sends_message("ordered", "42", unique_key="once").id > message.id, "it is not done with"
    (incident,) = stage.log.incidents()
    stage.send(ResolveIncident("person"), incident)
    ((stream, task),) = stage.due_tasks()
    stage.runs(stream, task)
    assert stage.stories() == []


def test_a_task_that_failed_to_start_an_instance_starts_one_and_no_more_when_it_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = ordered()
    message = stage.sends_message("ordered", "42", lasts="", unique_key="once")
    ((stream, task),) = stage.due_tasks()
    with monkeypatch.context() as smaller:
        smaller.setattr("domain.bpmn.execution.STEP_BUDGET", 2)
        assert "steps without waiting" in stage.runs(stream, task).error
    (incident,) = stage.log.incidents()
    stage.send(ResolveIncident("person"), incident)
    (story,) = stage.runs_due_tasks().stories()
    assert story.instance.message_id == message.id
    assert stage.log.incidents() == []
    story.completes("a").has_ended()


NEWS = bpmn(
    "s:startEvent a:serviceTask e:endEvent esp:eventSubProcess n:messageStart~news@esp b:serviceTask@esp",
    "s>a a>e n>b",
)
NEWS_BESIDE = NEWS.replace('<startEvent id="n">', '<startEvent id="n" isInterrupting="false">')


def test_an_event_sub_process_asks_for_its_key_before_its_scope_begins() -> None:
    story = Story(NEWS)
    assert [(job.element, job.type) for job in story.instance.jobs.values()] == [
        ("n", JobType.SET_MESSAGE_CORRELATION_KEY)
    ]
    assert story.state_of("p") is InstanceState.CREATED
    story.completes("n", message_correlation_key="42").waits_at("a").is_armed_with("esp")
    assert story.state_of("p") is InstanceState.STARTED


def test_an_interrupting_event_sub_process_ends_the_rest_of_its_scope() -> None:
    story = Story(NEWS).completes("n", message_correlation_key="42")
    story.stage.sends_message("news", "42")
    story.runs_all_tasks().waits_at("b").is_armed_with()
    assert story.ends_of("a") == ["TERMINATED"]
    story.completes("b").has_ended()


def test_an_event_sub_process_that_does_not_interrupt_runs_beside_and_again() -> None:
    story = Story(NEWS_BESIDE).completes("n", message_correlation_key="42")
    for times in (1, 2):
        assert story.stage.sends_message("news", "42").correlated
        story.runs_all_tasks().waits_at("a", *["b"] * times).is_armed_with("esp")
    story.completes("a").completes("b").waits_at("b").completes("b").has_ended()
    assert not story.stage.log.message_subscriptions


def test_the_variables_of_its_message_are_set() -> None:
    story = Story(NEWS).completes("n", message_correlation_key="42")
    story.stage.sends_message("news", "42", variables=(ProcessVariable("n", text("1")),))
    assert story.runs_all_tasks().values() == {"n": "1"}


def test_a_scope_that_completes_leaves_no_subscription_of_its_event_sub_process() -> None:
    story = Story(NEWS).completes("n", message_correlation_key="42").completes("a").has_ended()
    assert story.ends_of("esp") == ["TERMINATED"]
    assert not story.stage.sends_message("news", "42").correlated


def test_an_interrupting_event_sub_process_leaves_what_is_attached_to_its_scope() -> None:
    story = Story(
        bpmn(
            "s:startEvent sub:subProcess i:startEvent@sub a:serviceTask@sub esp:eventSubProcess@sub"
            " n:messageStart~news@esp b:serviceTask@esp t:timerBoundary^sub~PT1H late:serviceTask",
            "s>sub i>a n>b t>late",
        )
    )
    story.completes("n", message_correlation_key="42")
    story.stage.sends_message("news", "42")
    story.runs_all_tasks().waits_at("b").is_armed_with("t")
    story.stage.passes(timedelta(hours=1))
    story.runs_all_tasks().waits_at("late")
