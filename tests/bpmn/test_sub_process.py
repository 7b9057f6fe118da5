"""Sub-process and process: scopes that complete with their last token."""

from commands.jobs import CalledProcess
from domain.bpmn.events import ElementEntered, ElementStarted, ElementTerminated, InstanceState
from tests.bpmn.drawing import ANY, at_once, boundary, event, event_sub, fates, line, process, sub
from tests.story import Stage, Story, bpmn

NESTED = bpmn(
    "s:startEvent sub:subProcess after:serviceTask"
    " is:startEvent@sub work:serviceTask@sub inner:subProcess@sub ie:endEvent@sub"
    " iis:startEvent@inner deep:serviceTask@inner",
    "s>sub sub>after is>work work>inner inner>ie iis>deep",
)


def test_tokens_run_inside_and_the_outer_token_goes_on_when_they_are_gone() -> None:
    story = Story(NESTED).waits_at("work").completes("work").waits_at("deep")
    assert [scope.element for scope in story.instance.scopes_of(max(story.instance.elements))] == [
        "deep",
        "inner",
        "sub",
        "p",
    ]
    story.completes("deep").waits_at("after").completes("after").has_ended()


def test_a_sub_process_of_nothing_to_wait_for_passes_in_one_turn() -> None:
    Story(bpmn("s:startEvent sub:subProcess e:endEvent is:startEvent@sub", "s>sub sub>e")).has_ended()


def test_each_round_of_a_loop_opens_the_scope_anew() -> None:
    story = Story(
        bpmn(
            "s:startEvent j:exclusiveGateway sub:subProcess g:exclusiveGateway e:endEvent"
            " is:startEvent@sub work:serviceTask@sub",
            "s>j j>sub sub>g g>j g>e is>work",
        )
    )
    story.completes("work").completes("g", decision="j").waits_at("work").completes("work")
    story.completes("g", decision="e").has_ended()


HANDLED = line("b>handled:serviceTask")


def test_it_starts_after_its_events_are_known_and_only_then_its_start_event() -> None:
    inner = sub("sub", line("is:startEvent>work:serviceTask"))
    story = Story(process(line("s:startEvent>sub"), inner, HANDLED, boundary("b", "sub", "error")))
    assert story.state_of("sub") is InstanceState.CREATED
    assert fates(story, "is") == []
    story.completes("b").waits_at("work")
    assert fates(story, "is") == ["COMPLETED"]
    assert story.at("sub").id < story.at("b").id < story.at("work").id


def test_what_is_inside_ends_before_it_when_an_event_interrupts_it() -> None:
    inner = sub("sub", line("is:startEvent>deep"), sub("deep", line("ds:startEvent>work:serviceTask")))
    story = Story(process(line("s:startEvent>sub"), inner, HANDLED, boundary("b", "sub", "error", "E")))
    ids = [story.at(name).id for name in ("work", "deep", "sub")]
    story.completes("work", error_code="E")
    assert [fact.id for fact in story.facts if isinstance(fact, ElementTerminated)] == ids


def test_one_whose_last_token_ended_while_suspended_completes_on_resume_and_does_not_start_again() -> None:
    inner = sub("sub", line("is:startEvent>deep"), sub("deep", line("ds:startEvent>work:serviceTask")))
    model = process(line("s:startEvent>sub>after:serviceTask"), inner, HANDLED, boundary("b", "sub", "error", "E"))
    story = Story(model).is_suspended().completes("work").is_resumed().waits_at("after").is_armed_with()
    assert [fates(story, name) for name in ("sub", "deep", "is", "ds", "work")] == [["COMPLETED"]] * 5


def test_a_resume_that_ends_a_called_instance_lets_its_caller_go_on() -> None:
    child = process(line("s:startEvent>sub"), sub("sub", line("is:startEvent>work:serviceTask")), process_id="child")
    stage = Stage().deploys(child, "child").deploys(process(line("s:startEvent>call:callActivity>after:serviceTask")))
    story = stage.starts().completes("call", called_process=CalledProcess("child", "1"))
    called = story.called_by("call").is_suspended().completes("work")
    assert not story.instance.jobs
    called.is_resumed().has_ended()
    story.completes("call").waits_at("after")


def test_tokens_held_back_go_on_in_the_order_in_which_they_came() -> None:
    tasks = [f"t{number}" for number in range(8)]
    flows = " ".join(f"{name}:serviceTask>after_{name}:serviceTask" for name in tasks)
    model = process(line(f"s:startEvent {flows} " + " ".join(f"s>{name}" for name in tasks)))
    story = Story(model).is_suspended()
    order = [tasks[number] for number in (3, 0, 7, 5, 1, 6, 2, 4)]
    for name in order:
        story.completes(name)
    story.is_resumed()
    entered = {fact.id: fact.element for fact in story.facts if isinstance(fact, ElementEntered)}
    started = [entered[fact.id] for fact in story.facts if isinstance(fact, ElementStarted)]
    assert started == [f"after_{name}" for name in order]


def test_of_two_interruptions_on_their_way_the_first_wins_and_the_other_finds_nothing() -> None:
    inner = sub("sub", line("is:startEvent>work:serviceTask"))
    events = boundary("b", "sub", "signal", "go"), boundary("c", "sub", "signal", "stop"), line("c>stopped:serviceTask")
    story = Story(process(line("s:startEvent>sub"), inner, HANDLED, *events))
    story.stage.sends_signal("stop")
    story.stage.sends_signal("go")
    states = [str(story.stage.runs(*found).state) for found in story.stage.due_tasks()]
    assert states == ["DONE", "CANCELED"]
    story.waits_at("stopped")
    assert (fates(story, "c"), fates(story, "b"), fates(story, "sub")) == (
        ["COMPLETED"],
        ["TERMINATED"],
        ["TERMINATED"],
    )
    story.completes("stopped").has_ended()


def test_an_interruption_of_the_scope_around_beats_what_is_on_its_way_inside() -> None:
    inner = sub(
        "sub",
        line("is:startEvent>work:serviceTask i>inside:serviceTask"),
        boundary("i", "work", "signal", "in", interrupting=False),
    )
    story = Story(process(line("s:startEvent>sub"), inner, HANDLED, boundary("b", "sub", "signal", "out")))
    story.stage.sends_signal("out")
    story.stage.sends_signal("in")
    story.runs_all_tasks().waits_at("handled")
    assert fates(story, "inside") == []
    assert not story.stage.log.signal_subscriptions


def test_an_interruption_ends_calls_timers_and_waiting_events_at_every_depth() -> None:
    stage = Stage().deploys(bpmn("s:startEvent far:serviceTask", "s>far", process_id="child"), "child")
    called = '<callActivity id="call" calledElement="child"/>'
    deep = sub(
        "deep",
        line("ds:startEvent>call ds>t ds>m"),
        called,
        event("intermediateCatchEvent", "t", "timer", "PT1H"),
        event("intermediateCatchEvent", "m", "message", "paid"),
        several=at_once(2),
    )
    own = event_sub("own", "signal", "tick", line("own_start>ticked:userTask"), interrupting=False)
    inner = sub("sub", line("is:startEvent>deep"), deep, own)
    stage.deploys(
        process(line("s:startEvent>sub"), inner, HANDLED, boundary("b", "sub", "error", ANY), line("s>far:serviceTask"))
    )
    story = stage.starts()
    for name, said in (
        ("call", {}),
        ("call", {}),
        ("m", {"message_correlation_key": "k"}),
        ("m", {"message_correlation_key": "k"}),
    ):
        story.completes(name, **said)
    stage.sends_signal("tick")
    stage.runs_due_tasks()
    story.waits_at("call", "call", "t", "t", "m", "m", "ticked", "far").is_armed_with("b", "own")
    story.updates("ticked", error_code="E")
    story.waits_at("handled", "far")
    assert not stage.log.signal_subscriptions
    assert not stage.log.message_subscriptions
    stage.runs_due_tasks()
    assert [child.instance.state for child in stage.stories("child")] == [InstanceState.TERMINATED] * 2
    story.completes("handled").completes("far").has_ended()
