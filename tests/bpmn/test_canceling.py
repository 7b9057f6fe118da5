"""Canceling an instance: it ends with everything in it and everything it called (ours beyond the contract)."""

from datetime import timedelta

import pytest

from commands import handling
from commands.incidents import ResolveIncident
from commands.intents import EntityId
from commands.job_locks import LockJobsOf
from commands.jobs import CalledProcess, CompleteJob
from commands.messages import SendMessage
from domain.bpmn.events import InstanceState, JobCanceled, JobCreated, TaskCanceled, TaskType, WorkState
from domain.incidents.events import IncidentCanceled, IncidentOpened
from domain.rejection import InvalidState
from tests.bpmn.drawing import at_once, boundary, event, event_sub, fates, line, process, sub
from tests.story import Stage, Story

CHILD = process(line("s:startEvent>deep:serviceTask s>ask:userTask"), process_id="child")
CALL = '<callActivity id="call" calledElement="child"/>'
CALLER = process(line("s:startEvent>call s>work:serviceTask"), CALL)


def test_all_that_lives_in_it_is_terminated_and_all_open_work_canceled() -> None:
    inner = sub("sub", line("is:startEvent>deep:serviceTask is>ask:userTask"))
    model = process(
        line("s:startEvent>sub s>work:serviceTask s>other:serviceTask>j:parallelGateway s>j b>c:task"),
        inner,
        boundary("b", "work", "error", "E"),
    )
    story = Story(model)
    story.stage.send(LockJobsOf(story.identity, (story.job_at("work").id,)))
    assert len(story.instance.tasks) == 1
    story.is_canceled().has_ended(InstanceState.CANCELED)
    assert story.instance.ended_at == story.stage.clock.now()
    assert not story.instance.jobs
    assert not story.instance.tasks
    assert [fates(story, name) for name in ("p", "sub", "deep", "ask", "work", "b", "j", "s")] == [
        *[["TERMINATED"]] * 7,
        ["COMPLETED"],
    ]
    created = {fact.id for fact in story.facts if isinstance(fact, JobCreated)}
    assert created == {fact.id for fact in story.facts if isinstance(fact, JobCanceled)}
    assert sum(isinstance(fact, TaskCanceled) for fact in story.facts) == 1
    assert story.names().count("UserTaskTerminated") == 1


def test_its_jobs_are_completed_for_whoever_comes_too_late() -> None:
    story = Story(process(line("s:startEvent>work:serviceTask")))
    job = story.job_at("work").id
    story.stage.send(LockJobsOf(story.identity, (job,)))
    story.is_canceled()
    with pytest.raises(InvalidState, match="is completed"):
        story.stage.send(CompleteJob(worker_id="worker"), EntityId(story.identity.partition, job))


def test_its_incidents_are_canceled() -> None:
    story = Story(process(line("s:startEvent>work:serviceTask s>other:serviceTask"))).fails("work").fails("other")
    story.is_canceled().has_ended(InstanceState.CANCELED)
    assert not story.instance.incidents
    facts = [
        type(fact.event) for fact in story.stage.log.facts if type(fact.event) in (IncidentOpened, IncidentCanceled)
    ]
    assert facts == [IncidentOpened, IncidentOpened, IncidentCanceled, IncidentCanceled]


def test_nothing_waits_for_messages_signals_or_timers_any_more() -> None:
    waiting = (
        event("intermediateCatchEvent", "m", "message", "paid"),
        event("intermediateCatchEvent", "t", "timer", "PT1H"),
        boundary("b", "work", "signal", "go", interrupting=False),
        event_sub("own", "signal", "go", line("own_start>c:task")),
    )
    story = Story(process(line("s:startEvent>m s>t s>work:serviceTask b>d:task"), *waiting))
    story.completes("m", message_correlation_key="k").is_canceled()
    assert story.stage.sends_signal("go").subscriber_count == 0
    assert not story.stage.sends_message("paid", "k").correlated
    assert not story.stage.passes(timedelta(days=1)).due_tasks()
    assert not story.stage.log.message_subscriptions
    assert not story.stage.log.signal_subscriptions


def test_a_message_or_signal_on_its_way_to_it_finds_it_gone() -> None:
    waiting = (
        event("intermediateCatchEvent", "m", "message", "paid"),
        event("intermediateCatchEvent", "g", "signal", "go"),
    )
    story = Story(process(line("s:startEvent>m s>g"), *waiting)).completes("m", message_correlation_key="k")
    story.stage.sends_signal("go")
    story.stage.sends_message("paid", "k")
    story.is_canceled()
    states = [story.stage.runs(*found).state for found in story.stage.due_tasks()]
    assert states == [WorkState.CANCELED, WorkState.CANCELED]
    assert story.instance.state is InstanceState.CANCELED


def stopped_at_message(monkeypatch: pytest.MonkeyPatch, xml: str, element: str) -> Story:
    """Return the story of an instance whose event a message met, for a task that failed for good."""
    story = Story(xml).completes(element, message_correlation_key="k")
    story.stage.sends_message("m", "k", unique_key="once")
    with monkeypatch.context() as smaller:
        smaller.setattr("domain.bpmn.execution.STEP_BUDGET", 0)
        story.runs_all_tasks()
    assert len(story.stage.log.incidents()) == 1
    return story


def is_given_up(stage: Stage, incident: EntityId) -> bool:
    """Tell whether an incident of a message's task was canceled, and nothing is left of task and message."""
    with pytest.raises(InvalidState, match="is resolved"):
        stage.send(ResolveIncident("person"), incident)
    assert [type(fact.event) for fact in stage.log.facts if fact.stream.startswith("incident-")] == [
        IncidentOpened,
        IncidentCanceled,
    ]
    assert not stage.log.stopped_outside()
    assert not list(stage.log.open_work("tasks"))
    return [channel.messages for channel in stage.log.channels()] == [{}]


CATCHING = event("intermediateCatchEvent", "c", "message", "m")


def test_the_incident_of_a_task_from_outside_is_canceled_too(monkeypatch: pytest.MonkeyPatch) -> None:
    story = stopped_at_message(monkeypatch, process(line("s:startEvent>c>w:serviceTask"), CATCHING), "c")
    (incident,) = story.stage.log.incidents()
    story.is_canceled()
    assert not story.instance.incidents
    assert is_given_up(story.stage, incident)


def test_the_incident_of_a_task_from_outside_is_canceled_when_its_event_is_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inner = sub("sub", line("is:startEvent>c>w:serviceTask"), CATCHING)
    xml = process(line("s:startEvent>sub b>after:serviceTask"), inner, boundary("b", "sub", "signal", "go"))
    story = stopped_at_message(monkeypatch, xml, "c")
    (incident,) = story.stage.log.incidents()
    story.stage.sends_signal("go")
    story.runs_all_tasks().waits_at("after")
    assert is_given_up(story.stage, incident)


def test_the_incident_of_a_task_from_outside_is_canceled_when_the_activity_of_its_event_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flows = line("s:startEvent>work:serviceTask>after:serviceTask b>other:serviceTask")
    xml = process(flows, boundary("b", "work", "message", "m"))
    story = stopped_at_message(monkeypatch, xml, "b")
    (incident,) = story.stage.log.incidents()
    story.completes("work").waits_at("after")
    assert is_given_up(story.stage, incident)


def test_the_incident_of_a_task_from_outside_that_was_resolved_before_is_not_canceled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = stopped_at_message(monkeypatch, process(line("s:startEvent>c>w:serviceTask"), CATCHING), "c")
    (incident,) = story.stage.log.incidents()
    story.stage.send(ResolveIncident("person"), incident)
    assert not story.instance.incidents
    assert not story.stage.log.incidents()
    story.is_canceled()
    assert [story.stage.runs(*found).state for found in story.stage.due_tasks()] == [WorkState.CANCELED]
    assert not any(isinstance(fact.event, IncidentCanceled) for fact in story.stage.log.facts)
    assert [channel.messages for channel in story.stage.log.channels()] == [{}]


def test_the_incident_of_a_signal_is_canceled_and_the_next_try_of_another_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    xml = process(line("s:startEvent>c>w:serviceTask"), event("intermediateCatchEvent", "c", "signal", "go"))
    stage = Stage().deploys(xml)
    canceled, other = stage.starts(), stage.starts()
    stage.sends_signal("go")
    with monkeypatch.context() as smaller:
        smaller.setattr("domain.bpmn.execution.STEP_BUDGET", 0)
        stage.runs_due_tasks()
    canceled.is_canceled()
    (incident,) = stage.log.incidents()
    stage.send(ResolveIncident("person"), incident)
    other.runs_all_tasks().waits_at("w").completes("w").has_ended()
    assert not stage.log.stopped_outside()


def test_the_incident_of_what_should_have_started_it_is_canceled(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage().deploys(process(line("s:startEvent>work:serviceTask")), parallelism=1)
    first, second = stage.starts(), stage.starts()
    first.completes("work")
    with monkeypatch.context() as smaller:
        smaller.setattr("domain.bpmn.execution.STEP_BUDGET", 0)
        stage.runs_due_tasks()
    assert len(stage.log.incidents()) == 1
    second.is_canceled()
    assert stage.log.incidents() == []
    assert not stage.log.stopped_outside()
    stage.starts().waits_at("work")


def test_what_it_called_is_canceled_with_it_at_every_level() -> None:
    middle = CALLER.replace('id="p"', 'id="middle"')
    stage = Stage().deploys(CHILD, "child").deploys(middle, "middle").deploys(CALLER.replace('"child"', '"middle"'))
    story = stage.starts().completes("call")
    between = story.called_by("call").completes("call")
    deep = between.called_by("call").fails("deep")
    between.fails("work")
    before = len(stage.log.facts)
    story.is_canceled()
    for canceled in (story, between, deep):
        canceled.has_ended(InstanceState.CANCELED)
        assert not canceled.instance.jobs
        assert not canceled.instance.incidents
    assert not stage.due_tasks()
    assert len({fact.correlation_id for fact in stage.log.facts[before:]}) == 1  # all or nothing
    assert sum(isinstance(fact.event, IncidentCanceled) for fact in stage.log.facts[before:]) == 2


def test_one_that_was_called_is_canceled_with_its_root_alone() -> None:
    stage = Stage().deploys(CHILD, "child").deploys(CALLER)
    story = stage.starts().completes("call")
    child = story.called_by("call")
    before = len(stage.log.facts)
    with pytest.raises(InvalidState, match=rf"was called: cancel process instance {story.identity}"):
        child.is_canceled()
    assert len(stage.log.facts) == before


@pytest.mark.parametrize("end", ["completes", "cancels"])
def test_one_that_has_ended_is_not_canceled(end: str) -> None:
    story = Story(process(line("s:startEvent>work:serviceTask")))
    story = story.completes("work") if end == "completes" else story.is_canceled()
    before = len(story.facts)
    with pytest.raises(InvalidState, match="is ended"):
        story.is_canceled()
    assert len(story.facts) == before


def test_its_place_in_the_queue_is_free_for_whoever_waits() -> None:
    stage = Stage().deploys(process(line("s:startEvent>work:serviceTask")), parallelism=1)
    first, second, third = stage.starts(), stage.starts(), stage.starts()
    second.is_canceled().has_ended(InstanceState.CANCELED)
    first.is_canceled()
    ((_, task),) = stage.due_tasks()
    assert (task.type, task.process_instance_id) == (TaskType.START_PROCESS_INSTANCE, third.identity.id)
    stage.runs_due_tasks()
    third.waits_at("work").completes("work").has_ended()
    assert not any(queue.active or queue.waiting for _, queue in stage.log.queues())


def test_one_whose_turn_has_just_come_does_not_start() -> None:
    stage = Stage().deploys(process(line("s:startEvent>work:serviceTask")), parallelism=1)
    first, second = stage.starts(), stage.starts()
    first.completes("work")
    second.is_canceled()
    assert stage.runs(*stage.due_tasks()[0]).state is WorkState.CANCELED
    assert second.instance.state is InstanceState.CANCELED
    stage.starts().waits_at("work")


def test_the_message_that_it_answers_is_closed_so_that_its_key_may_start_another() -> None:
    stage = Stage().deploys(process(event("startEvent", "s", "message", "order"), line("s>work:serviceTask")))
    order = SendMessage(name="order", correlation_key="7", worker_id="sender", unique_key="once")
    first = stage.send(order).id
    stage.runs_due_tasks()
    (story,) = stage.stories()
    assert stage.send(order).id == first
    story.is_canceled()
    assert stage.send(order).id != first
    stage.runs_due_tasks()
    stage.stories()[1].waits_at("work")


def test_a_suspended_one_is_canceled_too() -> None:
    story = Story(process(line("s:startEvent>work:serviceTask>after:serviceTask"))).is_suspended().completes("work")
    story.is_canceled().has_ended(InstanceState.CANCELED)
    assert fates(story, "after") == ["TERMINATED"]


def test_a_call_that_was_interrupted_ends_what_it_called_though_the_caller_is_canceled_meanwhile() -> None:
    stage = Stage().deploys(CHILD, "child")
    stage.deploys(
        process(
            line("s:startEvent>call b>c:userTask"),
            '<callActivity id="call" calledElement="child"/>',
            boundary("b", "call", "signal", "go"),
        )
    )
    story = stage.starts().completes("call", called_process=CalledProcess())
    child = story.called_by("call")
    stage.sends_signal("go")
    stage.runs(*stage.due_tasks()[0])
    story.is_canceled()
    stage.runs_due_tasks()
    child.has_ended(InstanceState.TERMINATED)


ROUNDS = 8


def test_what_it_waits_for_is_looked_up_at_once_and_not_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look-up begins the decision anew: thousands one by one would take the node's time, and then be refused."""
    receive = '<receiveTask id="r" messageRef="message_M"/>'
    stage = Stage().deploys(CHILD, "child")
    marked = receive.replace("/>", f">{at_once(20)}</receiveTask>") + CALL.replace(
        "/>", f">{at_once(20)}</callActivity>"
    )
    stage.deploys(process(line("s:startEvent>r s>call"), marked))
    story = stage.starts()
    for number in range(20):
        story.completes("r", message_correlation_key=str(number)).completes("call")
    for child in stage.stories("child"):
        child.fails("deep")
    monkeypatch.setattr(handling, "MOST_WANTED", ROUNDS)
    story.is_canceled().has_ended(InstanceState.CANCELED)
    assert {child.instance.state for child in stage.stories("child")} == {InstanceState.CANCELED}
    assert not any(stage.sends_message("M", str(number)).correlated for number in range(20))


def test_an_activity_that_ends_gives_up_its_events_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [boundary(f"b{number}", "work", "message", "M") for number in range(20)]
    story = Story(process(line("s:startEvent>work:serviceTask"), *events))
    for number in range(20):
        story.completes(f"b{number}", message_correlation_key=str(number))
    monkeypatch.setattr(handling, "MOST_WANTED", ROUNDS)
    story.completes("work").has_ended()
    assert fates(story, "b7") == ["TERMINATED"]
