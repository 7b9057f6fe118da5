"""One turn of the engine: tokens move until every one of them waits or has ended.

A command brings a turn about: it starts an instance, completes a job or runs a task. The turn records facts and
applies each at once, so that the next step sees what the last one changed. What an element does with a token is its
behaviour (``domain.bpmn.elements``); a turn knows no element by name. Outside its instance there are ``Surroundings``.
"""

from collections import deque
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from domain.bpmn.conditions import Value
from domain.bpmn.events import (
    ElementCompleted,
    ElementEntered,
    ElementPassed,
    ElementResumed,
    ElementStarted,
    ElementSuspended,
    ElementTerminated,
    InstanceEvent,
    InstanceState,
    JobCreated,
    JobType,
    ProcessInstanceTerminated,
    SignalUnsubscribed,
    TaskCreated,
    TaskType,
    UserTaskTerminated,
)
from domain.bpmn.evolution import evolve
from domain.bpmn.graph import Element, ElementType, Graph
from domain.bpmn.instance import ElementInstance, Instance, Job, Task
from domain.bpmn.intake import CalledProcess, Completion
from domain.identity import Ids

#: Steps that one turn may take. A model that needs more loops without waiting, or forks without end.
STEP_BUDGET = 10_000

#: States in which an instance lets no token begin anything.
HALTED = (InstanceState.SUSPENDED, InstanceState.QUEUED)


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
    """What an element does: with a token, with what was asked for it, and when it is an empty scope.

    ``enter`` either lets the token pass or keeps it. ``begin`` does the work of an element that waited for the events
    attached to it to be known. ``trigger`` is called when what it waits for has happened. ``complete_job`` and
    ``run_task`` raise ``ExecutionError`` when the process cannot go on so: the caller forgets the turn.
    """

    enter: "Callable[[Turn, Token], None]"
    complete_job: "Callable[[Turn, Job, Completion], None] | None" = None
    run_task: "Callable[[Turn, Task], None] | None" = None
    complete_scope: "Callable[[Turn, int, Element], None] | None" = None
    begin: "Callable[[Turn, int, Element], None] | None" = None
    trigger: "Callable[[Turn, ElementInstance, Element], None] | None" = None
    settle: "Callable[[Turn, Element], None] | None" = None


class Surroundings(Protocol):
    """What lies outside a process instance, as far as its turn reaches: each call takes effect with the turn."""

    def subscribe(self, turn: "Turn", element_instance_id: int, name: str, key: str) -> bool:
        """Wait for a message; False when one that waited for this was there, and triggers the event by a task."""

    def unsubscribe(self, turn: "Turn", element_instance_id: int, name: str, key: str) -> None:
        """Wait for it no longer."""

    def send_signal(self, turn: "Turn", name: str) -> None:
        """Send a signal, without variables, to all that wait for it."""

    def call(self, turn: "Turn", element_instance_id: int, called: CalledProcess) -> None:
        """Start an instance of another process; raise ``ExecutionError`` when there is none to start."""

    def caller(self, turn: "Turn") -> "Turn | None":
        """Return the turn of the instance that called this one."""

    def called(self, turns: "Sequence[Turn]") -> "Sequence[Turn]":
        """Return the turns of the instances that these called."""

    def prepare(self, turn: "Turn", leaving: "Sequence[ElementInstance]") -> None:
        """Have at hand what ending these element instances concerns outside their instance, all of it at once."""

    def terminate(self, turn: "Turn", process_instance_id: int) -> None:
        """Leave it to a task to end an instance that this one called."""

    def ended(self, turn: "Turn") -> None:
        """Let others know that the instance has ended: its caller, its queue, the message that it answers."""

    def values(self, turn: "Turn") -> Mapping[tuple[int, str], Value]:
        """Return the values of the instance's variables by scope and name."""


class Turn:
    """Facts recorded so far, the state after them, and the tokens still on their way."""

    def __init__(  # noqa: PLR0913  (what a turn works with, given once by who begins it)
        self,
        instance: Instance,
        graph: Graph,
        behaviours: Mapping[ElementType, Behaviour],
        around: Surroundings,
        *,
        now: datetime,
        by: str,
        ids: Ids,
    ) -> None:
        """Work on ``instance`` itself: the caller passes a copy when the old state is still needed."""
        self.instance = instance
        self.graph = graph
        self.around = around
        self.now = now
        self.by = by
        self.ids = ids
        self.events: list[InstanceEvent] = []
        #: What variables got a value in this turn, by scope and name, in plain text; None for those deleted.
        self.values: dict[tuple[int, str], Value | None] = {}
        self._behaviours = behaviours
        self._arrivals: deque[Token] = deque()
        self._emptied: deque[int] = deque()
        self._unsettled: dict[str, Element] = {}
        self._steps = 0

    def record(self, event: InstanceEvent) -> None:
        """Add a fact and apply it."""
        self.events.append(event)
        evolve(self.instance, event, self.now, self.by)

    def behaviour(self, bpmn_element_id: str) -> Behaviour:
        return self._behaviours[self.graph.elements[bpmn_element_id].type]

    def run(self) -> None:
        """Move tokens until all of them wait; then see what that settles, and which scopes have none left."""
        looked_at = 0
        while True:
            if self._arrivals:
                self._step(self._arrivals.popleft())
            elif self._emptied:
                self._complete_when_empty(self._emptied.popleft())
            elif self._unsettled:
                self._settle(self._unsettled.popitem()[1])
            elif looked_at < len(self.events):
                looked_at = len(self.events)
                self._look_at_joins()
            else:
                return

    def arrive(self, element: Element, parent_id: int, from_element: str = "") -> None:
        """Send a new token to an element inside a scope."""
        self._arrivals.append(Token(element, parent_id, from_element))

    def go_on(self, element_instance_id: int) -> None:
        """Let a token that was halted on arrival enter its element now."""
        waiting = self.instance.elements[element_instance_id]
        element = self.graph.elements[waiting.element]
        self._arrivals.append(Token(element, waiting.parent_id, waiting.from_element, waiting.id))

    def keep(self, token: Token, state: InstanceState = InstanceState.STARTED, *, multi_instance: bool = False) -> int:
        """Hold the token at its element; return the id of the element instance."""
        if token.id:
            if state is InstanceState.STARTED:
                self.record(ElementStarted(token.id, self.graph.process_id, token.element.bpmn_id))
            else:
                self.record(ElementResumed(token.id, state))
            return token.id
        return self.enter(token.element, token.parent_id, state, token.from_element, multi_instance=multi_instance)

    def attach(self, event: Element, parent_id: int, host_id: int) -> int:
        """Arm an event of an element instance: a boundary event, an event sub-process, a branch of a gateway."""
        return self.enter(event, parent_id, InstanceState.CREATED, attached_to=host_id)

    def enter(  # noqa: PLR0913  (what a new element instance is, in one fact)
        self,
        element: Element,
        parent_id: int,
        state: InstanceState,
        from_element: str = "",
        *,
        attached_to: int = 0,
        multi_instance: bool = False,
        loop_counter: int = 0,
    ) -> int:
        """Record a new element instance; return its id."""
        place = (*self._new_place(element), parent_id, from_element)
        self.record(ElementEntered(*place, state, attached_to, multi_instance, loop_counter))
        return place[0]

    def pass_through(self, token: Token, to: tuple[str, ...] | None = None) -> None:
        """Let the token go through its element without waiting, and on to all targets, or to ``to`` only."""
        if token.id:
            self.complete(self.keep(token), to)
            return
        self.record(ElementPassed(*self._new_place(token.element), token.parent_id))
        self.leave(token.element, token.parent_id, to)

    def complete(self, element_instance_id: int, to: tuple[str, ...] | None = None) -> None:
        """End an element instance and send tokens along all outgoing flows, or to the targets ``to`` only."""
        ended = self.instance.elements[element_instance_id]
        element = self.graph.elements[ended.element]
        self._complete(ended, element)
        if ended.loop_counter:
            self._emptied.append(ended.parent_id)
        else:
            self.leave(element, ended.parent_id, to)

    def end(self, element_instance_id: int) -> None:
        """End an element instance whose token goes nowhere."""
        ended = self.instance.elements[element_instance_id]
        self._complete(ended, self.graph.elements[ended.element])
        self._emptied.append(ended.parent_id)

    def leave(self, element: Element, parent_id: int, to: tuple[str, ...] | None = None) -> None:
        """Send a token along each outgoing flow (to the targets ``to`` only, when given)."""
        targets = [flow.target for flow in element.outgoing] if to is None else to
        for target in targets:
            self.arrive(self.graph.elements[target], parent_id, element.bpmn_id)
        if not targets:
            self._emptied.append(parent_id)

    def terminate(self, element_instance_id: int, but: int = 0) -> None:
        """End an element instance, all in it and all attached to it, from outside: but not ``but``, which does it."""
        ended = self.instance.elements[element_instance_id]
        self._terminate([*self.instance.within(element_instance_id, but), ended], element_instance_id)

    def terminate_inside(self, scope_id: int, but: int = 0, *, beside: bool = True) -> None:
        """End what lives in a scope, and ``beside`` it what is attached to it; no token arrives there any more."""
        self._terminate(self.instance.within(scope_id, but, beside=beside), scope_id)

    def end_instance(self) -> None:
        """End the instance from outside, as what called it goes on without it."""
        for outermost in [element for element in self.instance.elements.values() if not element.parent_id]:
            self.terminate(outermost.id)
        self.record(ProcessInstanceTerminated())
        self.around.ended(self)

    def look_at(self, scope_id: int) -> None:
        """Have a scope completed at the end of the turn if nothing lives in it then."""
        self._emptied.append(scope_id)

    def settle(self, element: Element) -> None:
        """Have an element looked at again once no token moves any more: what it waits for may have become certain."""
        self._unsettled[element.bpmn_id] = element

    def proceed(self, host_id: int) -> None:
        """Begin the work of an element instance if all events attached to it are known."""
        host = self.instance.elements[host_id]
        if any(event.definition is None for event in self.instance.attached_to(host_id)):
            return
        if self.instance.state is InstanceState.SUSPENDED:
            self.record(ElementSuspended(host_id))
            return
        self.record(ElementStarted(host_id, self.graph.process_id, host.element))
        self.begin(host_id)

    def begin(self, element_instance_id: int) -> None:
        """Do the work of an element instance that has started."""
        element = self.graph.elements[self.instance.elements[element_instance_id].element]
        begin = self._behaviours[element.type].begin
        if begin is not None:
            begin(self, element_instance_id, element)

    def create_job(
        self,
        element_instance_id: int,
        job_type: JobType,
        element: Element,
        due_at: datetime | None = None,
        retry_count: int = 0,
    ) -> None:
        """Ask a worker to do something for an element instance, at once unless ``due_at`` says when."""
        self.record(
            JobCreated(
                id=self.ids.next("job", self.instance.partition),
                type=job_type,
                process_id=self.graph.process_id,
                element_id=self.graph.element_ids[element.bpmn_id],
                element=element.bpmn_id,
                element_instance_id=element_instance_id,
                due_at=due_at or self.now,
                correlation_key=self.instance.correlation_key,
                retry_count=retry_count,
            )
        )

    def create_task(
        self,
        element_instance_id: int,
        task_type: TaskType,
        element: Element,
        due_at: datetime | None = None,
        **details: Any,
    ) -> None:
        """Leave something to do for the engine itself; ``details`` are further fields of ``TaskCreated``."""
        self.record(
            TaskCreated(
                id=self.ids.next("task", self.instance.partition),
                type=task_type,
                process_id=self.graph.process_id,
                due_at=due_at or self.now,
                element_id=self.graph.element_ids[element.bpmn_id],
                element=element.bpmn_id,
                element_instance_id=element_instance_id,
                **details,
            )
        )

    def _complete(self, ended: ElementInstance, element: Element) -> None:
        if element.bpmn_id in self.graph.hosts:
            self._terminate(self.instance.attached_to(ended.id), ended.id)
        self._let_go(ended)
        self._end_user_tasks((ended.id,))
        self.record(ElementCompleted(ended.id))

    def _let_go(self, ended: ElementInstance) -> None:
        """Give up what an element instance waits for outside itself."""
        if ended.subscription_id:
            self.record(SignalUnsubscribed(ended.subscription_id))
        if ended.definition is not None and ended.definition.message_name and ended.correlation_key:
            self.around.unsubscribe(self, ended.id, ended.definition.message_name, ended.correlation_key)
        if ended.called:
            self.around.terminate(self, ended.called)

    def _end_user_tasks(self, element_instance_ids: Container[int]) -> None:
        for user_task in list(self.instance.user_tasks.values()):
            if user_task.element_instance_id in element_instance_ids:
                self.record(UserTaskTerminated(user_task.id))

    def _terminate(self, ended: Sequence[ElementInstance], scope_id: int) -> None:
        self.around.prepare(self, ended)
        gone = {element_instance.id for element_instance in ended}
        self._arrivals = deque(t for t in self._arrivals if t.parent_id != scope_id and t.parent_id not in gone)
        self._end_user_tasks(gone)
        for element_instance in ended:
            self._let_go(element_instance)
            self.record(ElementTerminated(element_instance.id))
            self._emptied.append(element_instance.parent_id)

    def count_step(self, element: Element, steps: int = 1) -> None:
        """Count a step, or several for a great one; raise ``ExecutionError`` when the turn has taken too many."""
        self._steps += steps
        if self._steps > STEP_BUDGET:
            raise ExecutionError(f"more than {STEP_BUDGET} steps without waiting, at element {element.bpmn_id}")

    def _step(self, token: Token) -> None:
        self.count_step(token.element)
        if not token.id and token.parent_id and self.instance.state in HALTED:  # the process has its start event wait
            self.keep(token, self.instance.state, multi_instance=token.element.multi_instance is not None)
        else:
            self._behaviours[token.element.type].enter(self, token)

    def _complete_when_empty(self, scope_id: int) -> None:
        scope = self.instance.elements.get(scope_id)
        if scope is None or scope.state is not InstanceState.STARTED or (scope.children and not scope.multi_instance):
            return
        complete_scope = self.behaviour(scope.element).complete_scope
        if complete_scope is not None:
            complete_scope(self, scope_id, self.graph.elements[scope.element])

    def _look_at_joins(self) -> None:
        """Look at joins again: a token that went elsewhere, or ended, may have been the last that one waited for.

        While the instance is halted nothing is certain: tokens that came to a join are not in it yet.
        """
        if self.graph.inclusive_joins and self.instance.state not in HALTED:
            waiting = {element_instance.element for element_instance in self.instance.elements.values()}
            self._unsettled |= {name: join for name, join in self.graph.inclusive_joins.items() if name in waiting}

    def _settle(self, element: Element) -> None:
        settle = self._behaviours[element.type].settle
        if settle is not None and self.instance.state not in HALTED:
            settle(self, element)

    def _new_place(self, element: Element) -> tuple[int, int, int, str]:
        """Return a new element instance's id, and where it is: the process, and the element by number and BPMN id."""
        instance, bpmn_id = self.instance, element.bpmn_id
        number = self.ids.next("element_instance", instance.partition, instance.last_element_instance_id)
        return number, self.graph.process_id, self.graph.element_ids[bpmn_id], bpmn_id
