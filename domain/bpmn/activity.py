"""What all activities have in common: the events attached to them, and running several times.

An activity that has boundary events of which something must be asked first is created and starts when all of them are
known (contracts/engine.md 2.4, the arming rule). A scope with event sub-processes does the same. An activity with a
multi-instance marker opens a body that holds its instances (BPMN 2.0, 13.3.7).
"""

from collections.abc import Callable, Sequence

from domain.bpmn.catching import expect, is_known
from domain.bpmn.events import InstanceState, JobType
from domain.bpmn.execution import Behaviour, Token, Turn
from domain.bpmn.graph import Element
from domain.bpmn.instance import ElementInstance, Job, Task
from domain.bpmn.intake import Completion
from domain.bpmn.multi_instance import Open, begin_instances, instance_ended, take_instances

Begin = Callable[[Turn, int, Element], None]


def activity(
    begin: Begin,
    complete_job: Callable[[Turn, Job, Completion], None] | None = None,
    run_task: Callable[[Turn, Task], None] | None = None,
    complete_scope: Begin | None = None,
    trigger: Callable[[Turn, ElementInstance, Element], None] | None = None,
) -> Behaviour:
    """Return the behaviour of an activity whose own work is ``begin``."""
    return Behaviour(
        enter,
        complete_job=_several_or(complete_job),
        run_task=run_task,
        complete_scope=_body_or(instance_ended, complete_scope),
        begin=_body_or(begin_instances, begin),
        trigger=trigger,
    )


def _body_or(of_body: Callable[[Turn, int, Element, Open], None], own: Begin | None) -> Begin:
    """Return what tells the body of several instances from the activity itself."""

    def do(turn: Turn, element_instance_id: int, element: Element) -> None:
        if turn.instance.elements[element_instance_id].multi_instance:
            of_body(turn, element_instance_id, element, open_instance)
        elif own is not None:
            own(turn, element_instance_id, element)

    return do


def _several_or(
    complete_job: Callable[[Turn, Job, Completion], None] | None,
) -> Callable[[Turn, Job, Completion], None]:
    """Return what tells the job that asks how often from those of the activity itself."""

    def take(turn: Turn, job: Job, completion: Completion) -> None:
        if job.type is JobType.SET_MULTI_INSTANCE:
            take_instances(turn, job, completion, open_instance)
        elif complete_job is not None:
            complete_job(turn, job, completion)

    return take


def enter(turn: Turn, token: Token) -> None:
    """Arm the events attached to the activity, and begin when all of them are known."""
    element = token.element
    if element.bpmn_id not in turn.graph.hosts:  # as most are
        turn.begin(turn.keep(token))
        return
    several = element.multi_instance is not None
    events = [*turn.graph.boundary_events.get(element.bpmn_id, ())]
    if not several:
        events += turn.graph.event_sub_processes.get(element.bpmn_id, ())
    host_id = turn.keep(token, first_state(turn, events), multi_instance=several)
    arm(turn, host_id, events)
    if turn.instance.elements[host_id].state is InstanceState.STARTED:
        turn.begin(host_id)


def open_instance(turn: Turn, body_id: int, element: Element, loop_counter: int) -> int:
    """Enter one of the instances of an activity inside its body; return its id."""
    events = turn.graph.event_sub_processes.get(element.bpmn_id, ())
    state = first_state(turn, events)
    host_id = turn.enter(element, body_id, state, loop_counter=loop_counter)
    arm(turn, host_id, events)
    return host_id


def arm(turn: Turn, host_id: int, events: Sequence[Element]) -> None:
    """Arm events of an element instance: boundary events lie beside it, event sub-processes inside it."""
    for event in events:
        turn.count_step(event)
        parent_id = turn.instance.elements[host_id].parent_id if event.attached_to else host_id
        expect(turn, turn.attach(event, parent_id, host_id), turn.graph.event_starts.get(event.bpmn_id, event))


def first_state(turn: Turn, events: Sequence[Element]) -> InstanceState:
    """Return the state of an element instance with these events: created while one of them is not known."""
    known = all(is_known(turn.graph.event_starts.get(event.bpmn_id, event)) for event in events)
    return InstanceState.STARTED if known else InstanceState.CREATED


def _pass(turn: Turn, token: Token) -> None:
    """Let the token pass; what is passed at once has no time for events attached to it."""
    if token.element.multi_instance is None:
        turn.pass_through(token)
    else:
        enter(turn, token)


def _done(turn: Turn, element_instance_id: int, _element: Element) -> None:
    turn.complete(element_instance_id)


#: An activity that nobody has to do.
PASSING = activity(_done)._replace(enter=_pass)
