"""Events that throw: a task makes the engine do it, once it is known what (contracts/engine.md 2.17)."""

from collections.abc import Callable, Mapping

from domain.bpmn.catching import defined_by
from domain.bpmn.events import ElementStarted, EventDefined, InstanceState, JobType, TaskType
from domain.bpmn.execution import Behaviour, ExecutionError, Token, Turn
from domain.bpmn.graph import Element, ElementType, EventDefinition
from domain.bpmn.instance import Job, Task
from domain.bpmn.intake import Completion

#: What a job asks a worker for when the model does not say what is thrown.
ASKED: Mapping[ElementType, JobType] = {
    ElementType.SIGNAL_THROW_EVENT: JobType.SET_SIGNAL_NAME,
    ElementType.SIGNAL_END_EVENT: JobType.SET_SIGNAL_NAME,
    ElementType.ERROR_END_EVENT: JobType.SET_ERROR_CODE,
    ElementType.ESCALATION_THROW_EVENT: JobType.SET_ESCALATION_CODE,
    ElementType.ESCALATION_END_EVENT: JobType.SET_ESCALATION_CODE,
}

Throw = Callable[[Turn, int, EventDefinition], None]


def throw_event(throw: Throw) -> Behaviour:
    """Return the behaviour of an event that does ``throw`` with its element instance and what it throws."""

    def run_task(turn: Turn, task: Task) -> None:
        throw(turn, task.element_instance_id, _known(turn, task.element_instance_id))

    return Behaviour(_enter, _take_definition, run_task)


def _send_signal(turn: Turn, element_instance_id: int, definition: EventDefinition) -> None:
    """Send the signal, without variables (contracts/engine.md 2.10)."""
    turn.around.send_signal(turn, definition.signal_name)
    turn.complete(element_instance_id)


def _enter(turn: Turn, token: Token) -> None:
    if token.element.definition is None:
        element_instance_id = turn.keep(token, InstanceState.CREATED)
        turn.create_job(element_instance_id, ASKED[token.element.type], token.element)
    else:
        _define(turn, turn.keep(token), token.element, token.element.definition)


def _take_definition(turn: Turn, job: Job, completion: Completion) -> None:
    element = turn.graph.elements[job.element]
    if job.type is JobType.SET_ERROR_CODE and not completion.error_code:
        raise ExecutionError("expected an error code")
    if job.type is JobType.SET_ESCALATION_CODE and not completion.escalation_code:
        raise ExecutionError("expected an escalation code")
    definition = defined_by(job.type, completion, element).definition
    turn.record(ElementStarted(job.element_instance_id, turn.graph.process_id, element.bpmn_id))
    _define(turn, job.element_instance_id, element, definition)


def _define(turn: Turn, element_instance_id: int, element: Element, definition: EventDefinition) -> None:
    turn.record(EventDefined(element_instance_id, definition))
    turn.create_task(element_instance_id, TaskType.TRIGGER_EVENT, element)


def _known(turn: Turn, element_instance_id: int) -> EventDefinition:
    return turn.instance.elements[element_instance_id].definition or EventDefinition()


#: A signal goes to all that wait for it; then the token goes along the outgoing flows, if there are any.
SIGNAL = throw_event(_send_signal)
