"""Exclusive gateway: one token in, one token out (BPMN 2.0, 13.4.2).

Conditions are not evaluated here: a job asks a worker for the target element. Joining needs nothing: each token that
arrives passes.
"""

from domain.bpmn.events import JobType
from domain.bpmn.execution import Behaviour, ExecutionError, Token, Turn
from domain.bpmn.graph import Element
from domain.bpmn.instance import Job
from domain.bpmn.intake import Completion


def enter(turn: Turn, token: Token) -> None:
    """Ask for a decision where there is a choice."""
    if len(token.element.outgoing) > 1:
        turn.create_job(turn.keep(token), JobType.EVALUATE_EXCLUSIVE_GATEWAY, token.element)
    else:
        turn.pass_through(token)


def complete_job(turn: Turn, job: Job, completion: Completion) -> None:
    """Take the flow to the decided element, else the default flow (contracts/engine.md 2.5)."""
    gateway = turn.graph.elements[job.element]
    target = completion.exclusive_gateway_decision or _default_target(gateway)
    if not target:
        raise ExecutionError("expected an exclusive gateway decision")
    if all(flow.target != target for flow in gateway.outgoing):
        raise ExecutionError(f"element {gateway.bpmn_id} has no outgoing sequence flow to {target}")
    turn.complete(job.element_instance_id, to=(target,))


def _default_target(gateway: Element) -> str:
    return next((flow.target for flow in gateway.outgoing if flow.id == gateway.default), "")


BEHAVIOUR = Behaviour(enter, complete_job=complete_job)
