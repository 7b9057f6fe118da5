"""What one command decides on and what it changes, over as many streams as it takes, all or nothing.

States come from whoever loaded them. One that is not at hand, or an answer that only a look-up can give, is ``Wanted``:
the decision is given up, what it wants is fetched, and it is made anew. So deciding stays pure, and it holds no more
than it needs.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.alerting import rule, samples
from domain.bpmn import engine_task
from domain.bpmn.elements import ELEMENTS
from domain.bpmn.execution import Surroundings, Turn
from domain.bpmn.graph import Graph
from domain.bpmn.instance import Instance, StoppedWork
from domain.event import Event
from domain.identity import Ids, InstanceId, incident_stream, process_stream
from domain.incidents import incident
from domain.incidents.events import IncidentCanceled
from domain.intakes import alert, intake, open_intakes
from domain.messaging import channel, signal
from domain.monitoring import check
from domain.processes import queue
from domain.processes.process import NEW, Process
from domain.registers import register
from domain.webhooks import webhook


class StateOf(NamedTuple):
    """The state of a stream, of a version above ``above``: what was known of it lacks something."""

    stream: str
    above: int = 0


class MessageStart(NamedTuple):
    """The start event that messages of a name start: a ``StartDefinition``, or None."""

    name: str


class SignalReceivers(NamedTuple):
    """The ``SignalReceiver``s and the ``StartDefinition``s that a signal of a name meets."""

    name: str


class ValuesOf(NamedTuple):
    """The values of the variables of an instance, by scope and name."""

    instance: InstanceId


Question = StateOf | MessageStart | SignalReceivers | ValuesOf


class Wanted(Exception):
    """A decision cannot be made without these."""

    def __init__(self, *questions: Question) -> None:
        super().__init__(f"{questions} is not at hand")
        self.questions = questions


#: Streams that are read and seldom changed, by how their names begin: a decision need not rest on their latest version.
SHARED = ("process-", "signal-")


class Change(NamedTuple):
    """Facts for a stream that is at version ``expected``, and its state after them.

    Without facts it says that the decision rests on that version: one that was made on an older state found too little.
    """

    stream: str
    expected: int
    events: tuple[Event, ...]
    state: Any


#: How a fact changes a stream's state, by the first part of its name, given when it happened, who caused it, and the
#: tenant; an instance evolves on its turn.
EVOLVE: Mapping[str, Callable[[Any, Any, datetime, str, str], Any]] = {
    "channel": channel.evolve,
    "signal": signal.evolve,
    "queue": queue.evolve,
    "task": engine_task.evolve,
    "incident": incident.evolve,
    "check": check.evolve,
    "rule": rule.evolve,
    "samples": samples.evolve,
    "alert": alert.evolve,
    "intake": intake.evolve,
    "intakes": open_intakes.evolve,
    "register": register.evolve,
    "webhook": webhook.evolve,
}


class Recording:
    """Facts recorded on one stream so far."""

    __slots__ = ("events", "expected", "state")

    def __init__(self, expected: int, state: Any) -> None:
        self.expected = expected
        self.state = state
        self.events: list[Event] = []


class UnitOfWork(ABC):
    """States by stream, each with its version, answers to questions, and what has been recorded."""

    __slots__ = ("_answers", "_read", "_recordings", "_states", "_turns", "by", "ids", "now", "tenant")

    def __init__(
        self,
        states: Mapping[str, tuple[int, Any]],
        answers: Mapping[Question, Any],
        *,
        tenant: str,
        now: datetime,
        by: str,
        ids: Ids,
    ) -> None:
        self.tenant = tenant
        self.now = now
        self.by = by
        self.ids = ids
        self._states = states
        self._answers = answers
        self._turns: dict[str, tuple[int, Turn, Instance | None]] = {}
        self._recordings: dict[str, Recording] = {}
        self._read: dict[str, None] = {}

    def ask(self, question: Question) -> Any:
        """Return the answer to a question, or raise ``Wanted``."""
        try:
            return self._answers[question]
        except KeyError:
            raise Wanted(question) from None

    def need(self, streams: Iterable[str]) -> None:
        """Raise ``Wanted`` for all of these whose state is not at hand: asked for one by one, each begins anew."""
        unknown = [s for s in streams if s not in self._states and s not in self._turns and s not in self._recordings]
        if unknown:
            raise Wanted(*map(StateOf, unknown))

    def state(self, stream: str) -> Any:
        """Return the state of a stream after what has been recorded, None where there is none; or raise ``Wanted``."""
        recording = self._recordings.get(stream)
        if recording is not None:
            return recording.state
        return self._known(stream)[1]

    def record(self, stream: str, event: Event, *, new: bool = False) -> None:
        """Add a fact to a stream; a ``new`` one has none yet."""
        recording = self._recordings.get(stream)
        if recording is None:
            version, state = (0, None) if new else self._known(stream)
            copied = state.copy() if state is not None and hasattr(state, "copy") else state
            recording = self._recordings[stream] = Recording(version, copied)
        recording.events.append(event)
        evolve = EVOLVE[stream.partition("-")[0]]
        recording.state = evolve(recording.state, event, self.now, self.by, self.tenant)

    def process(self, bpmn_process_id: str) -> Process:
        """Return a process of the tenant, without versions where there is none."""
        return self._known(process_stream(self.tenant, bpmn_process_id))[1] or NEW

    def graph(self, bpmn_process_id: str, version: str) -> Graph:
        """Return the graph of a version that is deployed."""
        graph = self.process(bpmn_process_id).graphs.get(version)
        if graph is None:  # it was deployed a moment ago, by another node
            stream = process_stream(self.tenant, bpmn_process_id)
            raise Wanted(StateOf(stream, self._known(stream)[0]))
        return graph

    def turn(self, identity: InstanceId) -> Turn:
        """Return the turn of an instance; its facts become part of this unit."""
        stream = identity.stream
        if stream in self._turns:
            return self._turns[stream][1]
        version, instance = self._known(stream)
        return self._begin(version, instance.copy(), instance)

    def is_new(self, turn: Turn) -> bool:
        """Tell whether this is the turn of an instance that has no facts yet."""
        return self._turns[turn.instance.identity.stream][0] == 0

    def new_turn(self, instance: Instance) -> Turn:
        """Return the turn of an instance that has no facts yet."""
        return self._begin(0, instance, None)

    def finish(self) -> None:
        """Record what follows for the incidents of element instances that have ended."""
        gone = [found for found in self._gone() if incident_stream(found[1].incident) not in self._recordings]
        if not gone:
            return
        outside = [(stopped.outside, number) for number, stopped in gone if stopped.outside]
        self.need([*(incident_stream(stopped.incident) for _, stopped in gone), *(stream for stream, _ in outside)])
        for _, stopped in gone:
            stream = incident_stream(stopped.incident)
            self.record(stream, IncidentCanceled(self.state(stream).status))
        if outside:
            self.give_up(outside)

    def changes(self) -> Iterator[Change]:
        """Yield what has been recorded, first instances, as they were taken up, and then what has only been read."""
        for stream, (version, turn, _) in self._turns.items():
            if turn.events:
                yield Change(stream, version, tuple(turn.events), turn.instance)
        for stream, recording in self._recordings.items():
            yield Change(stream, recording.expected, tuple(recording.events), recording.state)
        for stream in self._read:
            version, state = self._states[stream]
            changed = stream in self._recordings or (stream in self._turns and self._turns[stream][1].events)
            if version and not changed:
                yield Change(stream, version, (), state)

    @abstractmethod
    def surroundings(self) -> Surroundings:
        """Return what the turns of this unit reach outside their instances."""

    @abstractmethod
    def give_up(self, stopped: Sequence[tuple[str, int]]) -> None:
        """Record that nobody will try tasks with these streams again that stopped in the incidents of these numbers."""

    def _gone(self) -> Iterator[tuple[int, StoppedWork]]:
        """Yield the incidents, by number, that the instances no longer have."""
        for _, turn, before in self._turns.values():
            if before is not None and before.incidents:
                left = {stopped.incident for stopped in turn.instance.incidents.values()}
                yield from ((number, s) for number, s in before.incidents.items() if s.incident not in left)

    def _begin(self, version: int, instance: Instance, before: Instance | None) -> Turn:
        graph = self.graph(instance.bpmn_process_id, instance.version)
        turn = Turn(instance, graph, ELEMENTS, self.surroundings(), now=self.now, by=self.by, ids=self.ids)
        self._turns[instance.identity.stream] = (version, turn, before)
        return turn

    def _known(self, stream: str) -> tuple[int, Any]:
        try:
            known = self._states[stream]
        except KeyError:
            raise Wanted(StateOf(stream)) from None
        if not stream.startswith(SHARED):
            self._read[stream] = None
        return known
