"""One turn of the engine: tokens move until every one of them waits or has ended.

A command brings a turn about: it starts an instance, completes a job or runs a task. The turn records facts and
applies each at once, so that the next step sees what the last one changed. What an element does with a token is its
behaviour (``domain.bpmn.elements``); a turn knows no element by name.
"""

from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from domain.bpmn.events import (
    ElementCompleted,
    ElementEntered,
    ElementPassed,
    ElementStarted,
    InstanceEvent,
    InstanceState,
    JobCreated,
    JobType,
    TaskCreated,
    TaskType,
)
from domain.bpmn.graph import Element, ElementType, Graph
from domain.bpmn.instance import Instance, Job, Task, evolve
from domain.identity import Ids

#: Steps that one turn may take. A model that needs more loops without waiting, or forks without end.
STEP_BUDGET = 10_000


class ExecutionError(Exception):
    """The process cannot go on this way: a wrong decision, an unknown code, too many steps. The text says which."""


class Token(NamedTuple):
    """A token about to enter an element inside the scope ``parent_id``.

    ``id`` is 0 for a token that just arrived, else the element instance in which it was suspended on arrival.
    """

    element: Element
    parent_id: int
    from_element: str = ""
    id: int = 0


class Behaviour(NamedTuple):
    """What an element does: with a token, with its job's completion, with its task, and when it is an empty scope.

    ``enter`` either lets the token pass or keeps it; ``complete_job`` and ``run_task`` raise ``ExecutionError`` before
    they record anything that would have to be taken back.
    """

    enter: "Callable[[Turn, Token], None]"
    complete_job: "Callable[[Turn, Job, Completion], None] | None" = None
    run_task: "Callable[[Turn, Task], None] | None" = None
    complete_scope: "Callable[[Turn, int, Element], None] | None" = None


class Completion(NamedTuple):
    """What a worker said when it completed a job; empty texts where it said nothing."""

    exclusive_gateway_decision: str = ""
    error_code: str = ""
    escalation_code: str = ""


class Turn:
    """Facts recorded so far, the state after them, and the tokens still on their way."""

    def __init__(
        self,
        instance: Instance,
        graph: Graph,
        behaviours: Mapping[ElementType, Behaviour],
        *,
        now: datetime,
        by: str,
        ids: Ids,
    ) -> None:
        """Work on ``instance`` itself: the caller passes a copy when the old state is still needed."""
        self.instance = instance
        self.graph = graph
        self.now = now
        self.by = by
        self.ids = ids
        self.events: list[InstanceEvent] = []
        self._behaviours = behaviours
        self._arrivals: deque[Token] = deque()
        self._emptied: deque[int] = deque()
        self._steps = 0

    def record(self, event: InstanceEvent) -> None:
        """Add a fact and apply it."""
        self.events.append(event)
        evolve(self.instance, event, self.now, self.by)

    def behaviour(self, bpmn_element_id: str) -> Behaviour:
        return self._behaviours[self.graph.elements[bpmn_element_id].type]

    def run(self) -> None:
        """Move tokens until all of them wait; then see which scopes have none left."""
        while self._arrivals or self._emptied:
            if self._arrivals:
                self._step(self._arrivals.popleft())
            else:
                self._complete_when_empty(self._emptied.popleft())

    def arrive(self, element: Element, parent_id: int, from_element: str = "") -> None:
        """Send a new token to an element inside a scope."""
        self._arrivals.append(Token(element, parent_id, from_element))

    def go_on(self, element_instance_id: int) -> None:
        """Let a token that was suspended on arrival enter its element now."""
        waiting = self.instance.elements[element_instance_id]
        element = self.graph.elements[waiting.element]
        self._arrivals.append(Token(element, waiting.parent_id, waiting.from_element, waiting.id))

    def keep(self, token: Token, state: InstanceState = InstanceState.STARTED) -> int:
        """Hold the token at its element; return the id of the element instance."""
        if token.id:
            self.record(ElementStarted(token.id, self.graph.process_id, token.element.bpmn_id))
            return token.id
        event = ElementEntered(
            id=self._next_element_instance_id(),
            process_id=self.graph.process_id,
            element_id=self.graph.element_ids[token.element.bpmn_id],
            element=token.element.bpmn_id,
            parent_id=token.parent_id,
            from_element=token.from_element,
            state=state,
        )
        self.record(event)
        return event.id

    def pass_through(self, token: Token) -> None:
        """Let the token go through its element without waiting."""
        if token.id:
            self.complete(self.keep(token))
            return
        self.record(
            ElementPassed(
                id=self._next_element_instance_id(),
                process_id=self.graph.process_id,
                element_id=self.graph.element_ids[token.element.bpmn_id],
                element=token.element.bpmn_id,
                parent_id=token.parent_id,
            )
        )
        self.leave(token.element, token.parent_id)

    def complete(self, element_instance_id: int, to: str = "") -> None:
        """End an element instance and send tokens along all outgoing flows, or to the one target ``to``."""
        ended = self.instance.elements[element_instance_id]
        self.record(ElementCompleted(element_instance_id))
        self.leave(self.graph.elements[ended.element], ended.parent_id, to)

    def end(self, element_instance_id: int) -> None:
        """End an element instance whose token goes nowhere."""
        ended = self.instance.elements[element_instance_id]
        self.record(ElementCompleted(element_instance_id))
        self._emptied.append(ended.parent_id)

    def leave(self, element: Element, parent_id: int, to: str = "") -> None:
        """Send a token along each outgoing flow (to the target ``to`` only, when given)."""
        targets = (to,) if to else tuple(flow.target for flow in element.outgoing)
        for target in targets:
            self.arrive(self.graph.elements[target], parent_id, element.bpmn_id)
        if not targets:
            self._emptied.append(parent_id)

    def look_at(self, scope_id: int) -> None:
        """Have a scope completed at the end of the turn if nothing lives in it then."""
        self._emptied.append(scope_id)

    def create_job(self, element_instance_id: int, job_type: JobType, element: Element) -> None:
        """Ask a worker to do something for an element instance, at once."""
        self.record(
            JobCreated(
                id=self.ids.next("job", self.instance.partition),
                type=job_type,
                process_id=self.graph.process_id,
                element_id=self.graph.element_ids[element.bpmn_id],
                element=element.bpmn_id,
                element_instance_id=element_instance_id,
                due_at=self.now,
                correlation_key=self.instance.correlation_key,
            )
        )

    def create_task(self, element_instance_id: int, task_type: TaskType, element: Element) -> None:
        """Leave something to do for the engine itself, at once."""
        self.record(
            TaskCreated(
                id=self.ids.next("task", self.instance.partition),
                type=task_type,
                process_id=self.graph.process_id,
                due_at=self.now,
                element_id=self.graph.element_ids[element.bpmn_id],
                element=element.bpmn_id,
                element_instance_id=element_instance_id,
            )
        )

    def _step(self, token: Token) -> None:
        self._steps += 1
        if self._steps > STEP_BUDGET:
            raise ExecutionError(f"more than {STEP_BUDGET} steps without waiting, at element {token.element.bpmn_id}")
        if not token.id and self.instance.state is InstanceState.SUSPENDED:
            self.keep(token, InstanceState.SUSPENDED)
        else:
            self._behaviours[token.element.type].enter(self, token)

    def _complete_when_empty(self, scope_id: int) -> None:
        scope = self.instance.elements.get(scope_id)
        if scope is None or scope.children or scope.state is not InstanceState.STARTED:
            return
        element = self.graph.elements[scope.element]
        complete_scope = self._behaviours[element.type].complete_scope
        if complete_scope is not None:
            complete_scope(self, scope_id, element)

    def _next_element_instance_id(self) -> int:
        return self.ids.next("element_instance", self.instance.partition, self.instance.last_element_instance_id)
