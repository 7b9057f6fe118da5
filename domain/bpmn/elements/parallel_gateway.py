"""Parallel gateway: waits for one token per incoming flow, then sends one along each outgoing flow (BPMN 2.0, 13.4.1).

Each token that arrives at a join waits as an element instance with a task that tries to join; the attempt counts
tokens by the element they came from. Tokens beyond those a join needs wait for the next one.
"""

from collections import Counter

from domain.bpmn.events import InstanceState, TaskType
from domain.bpmn.execution import Behaviour, Token, Turn
from domain.bpmn.graph import Element
from domain.bpmn.instance import ElementInstance, Instance, Task


def enter(turn: Turn, token: Token) -> None:
    """Fork at once; at a join wait and leave the joining to a task."""
    if len(token.element.incoming) > 1:
        turn.create_task(turn.keep(token), TaskType.JOIN_PARALLEL_GATEWAY, token.element)
    else:
        turn.pass_through(token)


def run_task(turn: Turn, task: Task) -> None:
    """Join when a token from each incoming flow is here: the first goes on, the others end with it."""
    gateway = turn.graph.elements[task.element]
    tokens = _joinable(turn.instance, gateway, turn.instance.elements[task.element_instance_id])
    if not tokens:
        return
    first, *others = sorted(token.id for token in tokens)
    for other in others:
        turn.end(other)
    turn.complete(first)


def _joinable(instance: Instance, gateway: Element, own: ElementInstance) -> list[ElementInstance]:
    """Return one waiting token per incoming flow, the task's own always among them; empty while one is missing."""
    needed = Counter(flow.source for flow in gateway.incoming)
    chosen = []
    for token in (own, *_waiting_beside(instance, own)):
        if needed[token.from_element]:
            needed[token.from_element] -= 1
            chosen.append(token)
    return [] if needed.total() else chosen


def _waiting_beside(instance: Instance, own: ElementInstance) -> list[ElementInstance]:
    return [
        token
        for token in instance.elements.values()
        if token.element == own.element
        and token.parent_id == own.parent_id
        and token.id != own.id
        and token.state is InstanceState.STARTED
    ]


BEHAVIOUR = Behaviour(enter, run_task=run_task)
