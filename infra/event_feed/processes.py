"""Which process a stream belongs to, by the BPMN id of the process.

Streams of processes and queues have it in their names. Those of instances, of tasks from outside and of incidents say
it in their first fact, which never changes, so that it is looked up once. Other streams belong to no process.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Protocol

import msgspec

from domain.identity import InstanceId, process_stream, queue_stream
from domain.rejection import Unavailable

#: Streams that are remembered.
KEPT = 100_000

FIRST_FACTS = """
select originator_id, state from log.events where originator_id = any ($1) and originator_version = 1
"""

_TOLD_BY_FIRST_FACT = ("instance-", "task-", "incident-")


class Database(Protocol):
    """A pool or connection to the database of the log."""

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Any]: ...


class _Cause(msgspec.Struct):
    bpmn_process_id: str = ""


class _FirstFact(msgspec.Struct):
    """What first facts say of processes: an instance's, an incident's, a task's."""

    bpmn_process_id: str = ""
    process: _Cause | None = None
    process_instance_id: int = 0


_decode = msgspec.json.Decoder(_FirstFact).decode


class StreamProcesses:
    """Finds the processes of streams."""

    def __init__(self, database: Database, kept: int = KEPT) -> None:
        self._database = database
        self._kept = kept
        self._known: dict[str, str] = {}

    async def of_process(self, streams: Collection[str], tenant: str, process: str) -> frozenset[str]:
        """Return those of a tenant's streams that belong to a process."""
        named = {process_stream(tenant, process), queue_stream(tenant, process)}.intersection(streams)
        told = {stream for stream in streams if stream.startswith(_TOLD_BY_FIRST_FACT)}
        found = await self._processes(told)
        return frozenset({*named, *(stream for stream in told if found[stream] == process)})

    async def _processes(self, streams: Collection[str]) -> Mapping[str, str]:
        """Return the process of each stream, nothing for one without."""
        found = {stream: self._known[stream] for stream in streams if stream in self._known}
        unknown = [stream for stream in streams if stream not in found]
        if unknown:
            looked_up = await self._look_up(unknown)
            self._remember(looked_up)
            found |= looked_up
        return found

    async def _look_up(self, streams: Sequence[str]) -> dict[str, str]:
        rows = await self._database.fetch(FIRST_FACTS, streams)
        facts = {row["originator_id"]: _first_fact(*row) for row in rows}
        callers = {stream: _instance_of_task(stream, fact) for stream, fact in facts.items()}
        instances = await self._processes({instance for instance in callers.values() if instance})
        return {
            stream: _told(facts[stream]) or instances.get(callers[stream], "") if stream in facts else ""
            for stream in streams
        }

    def _remember(self, found: Mapping[str, str]) -> None:
        """Keep what will not change: a stream that belongs to no process may be one that has not begun."""
        self._known.update({stream: process for stream, process in found.items() if process})
        while len(self._known) > self._kept:
            del self._known[next(iter(self._known))]


def _first_fact(stream: str, state: bytes) -> _FirstFact:
    """Decode a first fact; without it nobody can tell whether the stream is wanted, and nothing may be skipped."""
    try:
        return _decode(state)
    except msgspec.DecodeError as error:
        raise Unavailable("failed to read the log", f"the first event of {stream} cannot be read: {error}") from error


def _told(fact: _FirstFact) -> str:
    return fact.bpmn_process_id or (fact.process.bpmn_process_id if fact.process else "")


def _instance_of_task(stream: str, fact: _FirstFact) -> str:
    """Return the stream of the instance that a task from outside is about, nothing where it is about none."""
    if not stream.startswith("task-") or not fact.process_instance_id:
        return ""
    return InstanceId(date.fromisoformat(stream[5:15]), fact.process_instance_id).stream
