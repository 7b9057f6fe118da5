"""Work that a worker does outside the engine: what service, script, send and business rule tasks have in common."""

from domain.bpmn.events import JobType
from domain.bpmn.execution import Behaviour, Completion, ExecutionError, Token, Turn
from domain.bpmn.instance import Job


def _ask_worker(turn: Turn, token: Token) -> None:
    turn.create_job(turn.keep(token), JobType.EXECUTE, token.element)


def _take_result(turn: Turn, job: Job, completion: Completion) -> None:
    """Go on when the work is done; an error or escalation goes to a boundary event, of which none is built yet."""
    if completion.error_code and completion.escalation_code:
        raise ExecutionError("expected error code or escalation code to be set")
    if completion.error_code:
        raise ExecutionError(
            "EXECUTION: failed to throw BPMN error: "
            f"failed to find boundary event for error code {completion.error_code}"
        )
    if completion.escalation_code:
        raise ExecutionError(
            "EXECUTION: failed to escalate job: "
            f"failed to find boundary event for escalation code {completion.escalation_code}"
        )
    turn.complete(job.element_instance_id)


WORK = Behaviour(_ask_worker, complete_job=_take_result)
