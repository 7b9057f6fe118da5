"""What one command has in front of it: the states it decides on, held until its append is through.

Two commands of one process never decide on the same stream at the same time; commands of other processes may, and the
append tells.
"""

from asyncio import Lock
from collections.abc import Mapping
from types import TracebackType
from typing import NamedTuple, Self

from commands.context import Decision, Log, Lookups
from commands.snapshots import load_snapshot, save_snapshot
from commands.states import StateCache, Versioned, fold
from domain.bpmn.graph import Graph
from domain.bpmn.instance import Instance
from domain.identity import InstanceId, incident_stream, process_stream
from domain.processes.process import NEW, Process

#: Facts that are read at once when a stream is loaded.
STRETCH = 1000


class StreamLocks:
    """One lock for each stream that somebody works on right now."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[Lock, int]] = {}

    async def acquire(self, stream: str) -> None:
        lock, users = self._locks.get(stream) or (Lock(), 0)
        self._locks[stream] = (lock, users + 1)
        try:
            await lock.acquire()
        except BaseException:
            self._leave(stream)
            raise

    def release(self, stream: str) -> None:
        self._locks[stream][0].release()
        self._leave(stream)

    def _leave(self, stream: str) -> None:
        lock, users = self._locks[stream]
        if users == 1:
            del self._locks[stream]
        else:
            self._locks[stream] = (lock, users - 1)


class Held(NamedTuple):
    """A process instance to decide on, with the version of its stream, its graph, and its unresolved incidents.

    ``incidents`` gives the version of each incident's stream by ULID: they move together with the instance.
    """

    instance: Instance
    version: int
    graph: Graph
    incidents: Mapping[str, int]


class Desk:
    """Loads states for one command, from the cache or the log, and puts the new ones back."""

    def __init__(self, log: Log, lookups: Lookups, cache: StateCache, locks: StreamLocks) -> None:
        self.lookups = lookups
        self._log = log
        self._cache = cache
        self._locks = locks
        self._held: set[str] = set()
        self._seen: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in self._held:
            self._locks.release(stream)
        self._held.clear()

    async def hold(self, stream: str) -> Versioned:
        """Return the state of a stream that this command means to change; nobody else here changes it meanwhile."""
        if stream not in self._held:
            await self._locks.acquire(stream)
            self._held.add(stream)
        return await self.look(stream)

    async def look(self, stream: str) -> Versioned:
        """Return the state of a stream that this command only reads."""
        known = self._cache.get(stream) or await self._loaded(stream)
        self._seen[stream] = known.version
        return known

    async def instance(self, identity: InstanceId, tenant: str) -> Instance | None:
        """Hold an instance; None when there is none of this id within the tenant."""
        state: Instance | None = (await self.hold(identity.stream)).state
        return state if state is not None and state.tenant == tenant else None

    async def held(self, instance: Instance) -> Held:
        """Add to an instance that is held what deciding on it needs."""
        streams = {stopped.incident: incident_stream(stopped.incident) for stopped in instance.incidents.values()}
        incidents = {ulid: (await self.hold(stream)).version for ulid, stream in sorted(streams.items())}
        graph = await self._graph(instance)
        return Held(instance, self._seen[instance.identity.stream], graph, incidents)

    async def process(self, tenant: str, bpmn_process_id: str) -> Process:
        state: Process | None = (await self.look(process_stream(tenant, bpmn_process_id))).state
        return state or NEW

    def version(self, stream: str) -> int:
        """Return the version that the state of a stream, loaded before, reflects."""
        return self._seen[stream]

    async def moved_on(self) -> bool:
        """Tell whether a stream seen here has newer facts, and forget the cached states that lack them."""
        moved = [stream for stream, version in self._seen.items() if await self._log.read(stream, version)]
        for stream in moved:
            self._cache.drop(stream)
        return bool(moved)

    def forget(self) -> None:
        """Drop every state seen here from the cache."""
        for stream in self._seen:
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
                kept.append((append, known))
        for append, known in kept:
            await save_snapshot(self._log, append.stream, append.expected, known)

    async def _graph(self, instance: Instance) -> Graph:
        """Return the graph that an instance walks; what is cached of its process may be older than its version."""
        stream = process_stream(instance.tenant, instance.bpmn_process_id)
        process: Process = (await self.look(stream)).state
        if instance.version not in process.graphs:
            self._cache.drop(stream)
            process = (await self.look(stream)).state
        return process.graphs[instance.version]

    async def _loaded(self, stream: str) -> Versioned:
        """Load a stream once for all who miss it at the same time: after a start, that is everybody."""
        loading = f"loading {stream}"
        await self._locks.acquire(loading)
        try:
            return self._cache.get(stream) or await self._load(stream)
        finally:
            self._locks.release(loading)

    async def _load(self, stream: str) -> Versioned:
        """Fold a stream from its last snapshot on, a stretch at a time, so that no length of it is too long."""
        known = await load_snapshot(self._log, stream)
        facts = await self._log.read(stream, known.version, STRETCH)
        while facts:
            begun, known = known.version, fold(stream, known, facts)
            await save_snapshot(self._log, stream, begun, known)
            facts = await self._log.read(stream, known.version, STRETCH) if len(facts) == STRETCH else ()
        if known.version and not getattr(known.state, "has_ended", False):
            self._cache.put(stream, known)
        return known
