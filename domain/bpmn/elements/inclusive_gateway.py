"""Inclusive gateway: one token in, a token along each chosen flow out; joins what may still come (BPMN 2.0, 13.4.3).

Where the model gives conditions that the engine evaluates, tokens take all flows whose conditions hold, and the default
flow when none does. In every other model a job asks a worker for the target elements, and the default flow is taken in
addition (contracts/engine.md 2.5). A join waits while a token elsewhere in its scope can still reach it.
"""

from domain.bpmn.events import JobType
from domain.bpmn.execution import Behaviour, ExecutionError, Token, Turn
from domain.bpmn.graph import Element
from domain.bpmn.instance import Job
from domain.bpmn.intake import Completion
from domain.bpmn.joining import joinable
from domain.bpmn.values import decides, default_targets, open_flows


def enter(turn: Turn, token: Token) -> None:
    """Wait at a join; ask for a decision where there is a choice."""
    if len(token.element.incoming) > 1:
        turn.keep(token)
        turn.settle(token.element)
    elif decides(token.element):
        turn.pass_through(token, _chosen(turn, token.element, token.parent_id))
    elif len(token.element.outgoing) > 1:
        turn.create_job(turn.keep(token), JobType.EVALUATE_INCLUSIVE_GATEWAY, token.element)
    else:
        turn.pass_through(token)


def settle(turn: Turn, gateway: Element) -> None:
    """Join what has arrived in each scope, once nothing more can come."""
    for first, *others in list(joinable(turn, gateway)):
        turn.count_step(gateway)
        for other in others:
            turn.end(other.id)
        if decides(gateway):
            turn.complete(first.id, to=_chosen(turn, gateway, first.parent_id))
        elif len(gateway.outgoing) > 1:
            turn.create_job(first.id, JobType.EVALUATE_INCLUSIVE_GATEWAY, gateway)
        else:
            turn.complete(first.id)


def complete_job(turn: Turn, job: Job, completion: Completion) -> None:
    """Take the flows to the decided elements and the default flow."""
    gateway = turn.graph.elements[job.element]
    decision = completion.inclusive_gateway_decision
    default = tuple(flow.target for flow in gateway.outgoing if flow.id == gateway.default)
    if not decision and not default:
        raise ExecutionError("expected an inclusive gateway decision")
    targets = {flow.target for flow in gateway.outgoing}
    for number, target in enumerate(decision):
        if target in decision[:number]:
            raise ExecutionError(f"decision contains duplicate BPMN element ID {target}")
        if target not in targets:
            raise ExecutionError(f"element {gateway.bpmn_id} has no outgoing sequence flow to {target}")
    turn.complete(job.element_instance_id, to=tuple(dict.fromkeys((*decision, *default))))


def _chosen(turn: Turn, gateway: Element, scope_id: int) -> tuple[str, ...]:
    return tuple(open_flows(turn, gateway, scope_id)) or default_targets(gateway)


BEHAVIOUR = Behaviour(enter, complete_job=complete_job, settle=settle)
