"""What one command has in front of it: the states it decides on, held until its append is through.

Two commands of one process never decide on the same stream at the same time; commands of other processes may, and the
append tells.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, NamedTuple, Self

from commands.context import Decision, Log, Lookups
from commands.snapshots import load_snapshot, save_snapshot
from commands.states import StateCache, Versioned, fold
from commands.stream_locks import StreamLocks
from domain.bpmn.instance import Instance
from domain.coordination.unit_of_work import SHARED, MessageStart, Question, SignalReceivers, StateOf, ValuesOf, Wanted
from domain.identity import InstanceId, process_stream
from domain.processes.process import NEW, Process

#: Facts that are read at once when a long stream is loaded; one of fewer than the second number is read without asking
#: whether there is a snapshot of it.
STRETCH = 1000
FEW = 64

#: How long a process is taken to be as it was: another node may deploy a version of it.
FRESH = timedelta(seconds=1)


NO_ANSWERS: Mapping[Question, Any] = {}


class Held(NamedTuple):
    """A process instance to decide on, and with it all that is at hand for a unit of work."""

    instance: Instance
    states: Mapping[str, Versioned]
    answers: Mapping[Question, Any]


class AtHand(NamedTuple):
    """What is at hand for a unit of work."""

    states: Mapping[str, Versioned]
    answers: Mapping[Question, Any]


class Desk:
    """Loads states for one command, from the cache or the log, and puts the new ones back.

    ``states`` are those loaded so far, ``answers`` those to questions that a decision asked before.
    """

    __slots__ = ("_cache", "_held", "_locks", "_log", "_missed", "_now", "answers", "lookups", "states")

    def __init__(self, log: Log, lookups: Lookups, cache: StateCache, locks: StreamLocks, now: datetime) -> None:
        self.lookups = lookups
        self.states: dict[str, Versioned] = {}
        self.answers: Mapping[Question, Any] = NO_ANSWERS
        self._log = log
        self._cache = cache
        self._locks = locks
        self._now = now
        self._held: set[str] = set()
        self._missed = ""

    @property
    def to_hold(self) -> set[str]:
        """The streams that the command has held, and the one that it would have but for somebody else."""
        return self._held | {self._missed} if self._missed else set(self._held)

    @property
    def at_hand(self) -> AtHand:
        return AtHand(self.states, self.answers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in self._held:
            self._locks.release(stream)
        self._held.clear()

    async def fetch(self, wanted: Collection[Question], tenant: str, to_hold: Collection[str] = ()) -> None:
        """Have what a decision wanted at hand: streams in one order for all, so that no two wait for each other."""
        streams = {question for question in wanted if isinstance(question, StateOf)}.union(map(StateOf, to_hold))
        for stream, above in sorted(streams):
            known = self._cache.get(stream)
            if above and known is not None and known.version <= above:
                self._cache.drop(stream)
            if stream in to_hold or not stream.startswith(SHARED):
                await self._acquire(stream)
            await self.look(stream)
        questions = [question for question in wanted if not isinstance(question, StateOf)]
        self.answers = {question: await self._answer(question, tenant) for question in questions}

    async def hold(self, stream: str) -> Versioned:
        """Return the state of a stream that this command means to change; nobody else here changes it meanwhile.

        Raise ``Wanted`` rather than wait while holding others: two who wait for each other would wait for ever.
        """
        if stream not in self._held:
            if not self._locks.take(stream):
                if self._held:
                    self._missed = stream
                    raise Wanted(StateOf(stream))
                await self._locks.acquire(stream)
            self._held.add(stream)
        return await self.look(stream)

    async def look(self, stream: str) -> Versioned:
        """Return the state of a stream that this command only reads."""
        known = self._cache.get(stream)
        if known is None:
            known = await self._loaded(stream)
        elif stream.startswith("process-"):
            known = await self._refreshed(stream, known)
        self.states[stream] = known
        return known

    async def instance(self, identity: InstanceId, tenant: str) -> Instance | None:
        """Hold an instance; None when there is none of this id within the tenant."""
        state: Instance | None = (await self.hold(identity.stream)).state
        return state if state is not None and state.tenant == tenant else None

    async def held(self, instance: Instance) -> Held:
        """Add to an instance that is held what deciding on it needs in any case."""
        await self.look(process_stream(instance.tenant, instance.bpmn_process_id))
        return Held(instance, self.states, self.answers)

    async def process(self, tenant: str, bpmn_process_id: str) -> Process:
        state: Process | None = (await self.look(process_stream(tenant, bpmn_process_id))).state
        return state or NEW

    def version(self, stream: str) -> int:
        """Return the version that the state of a stream, loaded before, reflects."""
        return self.states[stream].version

    async def moved_on(self) -> bool:
        """Tell whether a stream seen here has newer facts, and forget the cached states that lack them."""
        moved = [stream for stream, known in self.states.items() if await self._log.read(stream, known.version)]
        for stream in moved:
            self._cache.drop(stream)
        return bool(moved)

    def forget(self) -> None:
        """Drop every state seen here from the cache, but for processes that this command has only looked at.

        Those are compared with the log anyhow, and costly to read again.
        """
        for stream in self.states:
            if stream in self._held or not stream.startswith("process-"):
                self._cache.drop(stream)

    async def settle(self, decision: Decision) -> None:
        """Take over the states after an append that is through."""
        kept = []
        for append in decision.appends:
            state = decision.states.get(append.stream)
            if state is None or getattr(state, "has_ended", False):
                self._cache.drop(append.stream)
            else:
                known = Versioned(append.expected + len(append.events), state)
                self._cache.put(append.stream, known)
                self._note(append.stream)
                kept.append((append, known))
        for append, known in kept:
            await save_snapshot(self._log, append.stream, append.expected, known)

    async def _acquire(self, stream: str) -> None:
        if stream not in self._held:
            await self._locks.acquire(stream)
            self._held.add(stream)

    async def _refreshed(self, stream: str, known: Versioned) -> Versioned:
        """Return a state as it was a moment ago at most: another node may have deployed a version since."""
        if self._cache.is_fresh(stream, self._now, FRESH):
            return known
        self._note(stream)
        facts = await self._log.read(stream, known.version)
        if facts:
            known = fold(stream, known, facts)
            self._cache.put(stream, known)
        return known

    async def _answer(self, question: Question, tenant: str) -> Any:
        match question:
            case MessageStart():
                return await self.lookups.message_start(tenant, question.name)
            case SignalReceivers():
                receivers = await self.lookups.signal_receivers(tenant, question.name)
                return receivers, await self.lookups.signal_starts(tenant, question.name)
            case ValuesOf():
                return await self.lookups.values(tenant, question.instance)
            case _:
                raise TypeError(f"nobody answers {question}")

    async def _loaded(self, stream: str) -> Versioned:
        """Load a stream once for all who miss it at the same time: after a start, that is everybody."""
        loading = f"loading {stream}"
        await self._locks.acquire(loading)
        try:
            return self._cache.get(stream) or await self._load(stream)
        finally:
            self._locks.release(loading)

    async def _load(self, stream: str) -> Versioned:
        """Fold a stream, a stretch at a time, so that no length of it is too long; a long one from its snapshot on."""
        known = Versioned(0, None)
        facts = await self._log.read(stream, 0, FEW)
        if len(facts) == FEW:
            known = await load_snapshot(self._log, stream)
            facts = await self._log.read(stream, known.version, STRETCH)
        while facts:
            begun, known = known.version, fold(stream, known, facts)
            await save_snapshot(self._log, stream, begun, known)
            facts = await self._log.read(stream, known.version, STRETCH) if len(facts) == STRETCH else ()
        if known.version and not getattr(known.state, "has_ended", False):
            self._cache.put(stream, known)
            self._note(stream)
        return known

    def _note(self, stream: str) -> None:
        if stream.startswith("process-"):
            self._cache.note_compared(stream, self._now)
