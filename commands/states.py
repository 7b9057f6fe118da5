"""States folded from streams, and the cache that keeps recent ones.

The cache is a hint: the append's version check is the truth, so any node may handle any command. An entry that turns
out to be old is dropped and folded anew.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any, NamedTuple

from domain.access import clock, key, tenant
from domain.alerting import rule
from domain.alerting.rule import Rule
from domain.bpmn import evolution, instance
from domain.coordination.unit_of_work import EVOLVE
from domain.event import Recorded
from domain.identity import instance_of
from domain.incidents import incident
from domain.incidents.incident import Incident
from domain.messaging import channel
from domain.messaging.channel import Channel
from domain.messaging.events import MessageSent, SignalSent
from domain.monitoring import check, consensus
from domain.monitoring.check import Check
from domain.processes import process, queue
from domain.processes.queue import Queue
from domain.registers import register
from domain.registers.register import Register
from domain.webhooks import webhook
from domain.webhooks.webhook import Webhook

#: Characters of values that several cached states together may hold: a message may come with a million of them.
MOST_CHARACTERS = 1 << 25


class Versioned(NamedTuple):
    """A state and the version of its stream that it reflects; ``state`` is None before the first fact."""

    version: int
    state: Any


class Fold(NamedTuple):
    """How a kind of stream becomes a state.

    Where long streams are snapshotted, ``snapshot`` names the state's type and ``code`` the modules that fold it.
    """

    apply: Callable[[Any, Recorded], Any]
    snapshot: type | None = None
    snapshot_every: int = 0
    code: tuple[ModuleType, ...] = ()


def _instance(state: Any, fact: Recorded) -> Any:
    if state is None:
        event: Any = fact.event
        state = instance.start(instance_of(fact.stream), fact.tenant, event, fact.happened_at, fact.actor.id)
    evolution.evolve(state, fact.event, fact.happened_at, fact.actor.id)  # type: ignore[arg-type]  # by its stream
    return state


def _process(state: Any, fact: Recorded) -> Any:
    event: Any = fact.event
    return process.evolve(state or process.NEW, event, fact.happened_at, fact.actor.id)


def _tenant(state: Any, fact: Recorded) -> Any:
    event: Any = fact.event
    return tenant.evolve(state, event)


def _key(state: Any, fact: Recorded) -> Any:
    event: Any = fact.event
    return key.evolve(state, event)


def _engine(_state: Any, fact: Recorded) -> Any:
    return clock.evolve(fact.event)  # type: ignore[arg-type]  # by its stream


def _by_table(state: Any, fact: Recorded) -> Any:
    evolve = EVOLVE[fact.stream.partition("-")[0]]
    return evolve(state, fact.event, fact.happened_at, fact.actor.id, fact.tenant)


#: By the first part of a stream's name.
FOLDS: Mapping[str, Fold] = {
    "instance": Fold(_instance, instance.Instance, 500, (instance, evolution)),
    "process": Fold(_process),
    "channel": Fold(_by_table, Channel, 500, (channel,)),
    "signal": Fold(_by_table),
    "queue": Fold(_by_table, Queue, 500, (queue,)),
    "task": Fold(_by_table),
    "incident": Fold(_by_table, Incident, 500, (incident,)),
    "check": Fold(_by_table, Check, 500, (check, consensus)),
    "rule": Fold(_by_table, Rule, 500, (rule,)),
    "samples": Fold(_by_table),
    "alert": Fold(_by_table),
    "intake": Fold(_by_table),
    "intakes": Fold(_by_table),
    "register": Fold(_by_table, Register, 500, (register,)),
    "webhook": Fold(_by_table, Webhook, 500, (webhook,)),
    "tenant": Fold(_tenant),
    "key": Fold(_key),
    "engine": Fold(_engine),
}


def fold_of(stream: str) -> Fold:
    return FOLDS[stream.partition("-")[0]]


def fold(stream: str, known: Versioned, facts: Sequence[Recorded]) -> Versioned:
    """Return the state after more facts; ``known`` must not be used by anyone else, since instances change in place."""
    apply = fold_of(stream).apply
    state = known.state
    for fact in facts:
        state = apply(state, fact)
    return Versioned(facts[-1].version, state) if facts else known


def weight(state: Any) -> int:
    """Return the characters of the values that a state holds: those of messages and signals that are kept, of items."""
    match state:
        case Channel():
            return sum(map(weight, (message.sent for message in state.messages.values())))
        case MessageSent() | SignalSent():
            return sum(len(variable.value or "") for variable in state.variables)
        case instance.Instance():
            return sum(len(item.value) for element in state.elements.values() for item in element.items)
    return 0


class StateCache:
    """The most recently used states, up to ``size`` of them, with values of ``MOST_CHARACTERS`` if it is several."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._weight = 0
        self._weights: dict[str, int] = {}
        self._states: OrderedDict[str, Versioned] = OrderedDict()
        self._compared: dict[str, datetime] = {}

    def get(self, stream: str) -> Versioned | None:
        known = self._states.get(stream)
        if known is not None:
            self._states.move_to_end(stream)
        return known

    def put(self, stream: str, state: Versioned) -> None:
        self._states[stream] = state
        self._states.move_to_end(stream)
        self._weigh(stream, weight(state.state))
        while len(self._states) > self._size or (self._weight > MOST_CHARACTERS and len(self._states) > 1):
            self.drop(next(iter(self._states)))

    def drop(self, stream: str) -> None:
        self._states.pop(stream, None)
        self._compared.pop(stream, None)
        self._weigh(stream, 0)

    def is_fresh(self, stream: str, now: datetime, span: timedelta) -> bool:
        """Tell whether a state was compared with the log within a span of time."""
        compared = self._compared.get(stream)
        return compared is not None and now - compared < span

    def note_compared(self, stream: str, now: datetime) -> None:
        """Note that a state is what the log says now."""
        self._compared[stream] = now

    def _weigh(self, stream: str, now: int) -> None:
        before = self._weights.pop(stream, 0)
        if now:
            self._weights[stream] = now
        self._weight += now - before

    def __len__(self) -> int:
        return len(self._states)
