"""Exclusive gateway: one token in, one token out (BPMN 2.0, 13.4.2).

Where the model gives conditions that the engine evaluates, the first that holds decides, else the default flow; in
every other model a job asks a worker for the target element. Joining needs nothing: each token that arrives passes.
"""

from domain.bpmn.events import JobType
from domain.bpmn.execution import Behaviour, ExecutionError, Token, Turn
from domain.bpmn.graph import Element
from domain.bpmn.instance import Job
from domain.bpmn.intake import Completion
from domain.bpmn.values import decides, default_targets, open_flows


def enter(turn: Turn, token: Token) -> None:
    """Decide, or ask for a decision where there is a choice."""
    if decides(token.element):
        chosen = next(open_flows(turn, token.element, token.parent_id), None)
        turn.pass_through(token, default_targets(token.element) if chosen is None else (chosen,))
    elif len(token.element.outgoing) > 1:
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
