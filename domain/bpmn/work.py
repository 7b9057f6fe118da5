"""Work that a worker does outside the engine: what service, script, send and business rule tasks have in common."""

from domain.bpmn.activity import activity
from domain.bpmn.events import JobType
from domain.bpmn.execution import Behaviour, ExecutionError, Token, Turn
from domain.bpmn.graph import Element
from domain.bpmn.instance import Job
from domain.bpmn.intake import Completion
from domain.bpmn.propagation import throw_error, throw_escalation


def _ask_worker(turn: Turn, element_instance_id: int, element: Element) -> None:
    turn.create_job(element_instance_id, JobType.EXECUTE, element)


def _enter(turn: Turn, token: Token) -> None:
    turn.create_job(turn.keep(token), JobType.EXECUTE, token.element)


def _take_result(turn: Turn, job: Job, completion: Completion) -> None:
    """Go on when the work is done; an error or escalation goes to the event that catches it."""
    if completion.error_code and completion.escalation_code:
        raise ExecutionError("expected error code or escalation code to be set")
    if completion.error_code:
        _throw_error(turn, job, completion.error_code)
    elif completion.escalation_code:
        _escalate(turn, job, completion)
    else:
        turn.complete(job.element_instance_id)


def _throw_error(turn: Turn, job: Job, code: str) -> None:
    if not throw_error(turn, job.element_instance_id, code):
        raise ExecutionError(
            f"EXECUTION: failed to throw BPMN error: failed to find boundary event for error code {code}"
        )


def _escalate(turn: Turn, job: Job, completion: Completion) -> None:
    """Escalate; when that did not end the activity, the same is asked for again (contracts/engine.md 2.12)."""
    code = completion.escalation_code
    if not throw_escalation(turn, job.element_instance_id, code):
        raise ExecutionError(
            f"EXECUTION: failed to escalate job: failed to find boundary event for escalation code {code}"
        )
    if job.element_instance_id in turn.instance.elements:
        turn.create_job(
            job.element_instance_id,
            job.type,
            turn.graph.elements[job.element],
            completion.again_at,
            retry_count=job.retry_count,
        )


#: A task that a worker does.
WORK = activity(_ask_worker, _take_result)
#: A throw or end event whose message a worker sends.
SENDING = Behaviour(_enter, complete_job=_take_result)
