"""Snapshots: the state of a long stream now and then, so that a cold load reads the last one and what came after it.

They are a hint: the log stays the truth, and a snapshot that is missing or of another release only costs time.
"""

import inspect
from contextlib import suppress
from functools import cache
from hashlib import sha256
from types import ModuleType

import msgspec

from commands.context import Log, Snapshot
from commands.states import Versioned, fold_of
from domain.rejection import Unavailable


async def load_snapshot(log: Log, stream: str) -> Versioned:
    """Return the last state that is kept of a stream; the state before its first fact where none is."""
    rule = fold_of(stream)
    snapshot = None
    if rule.snapshot is not None:
        snapshot = await log.load_snapshot(stream, shape_of(rule.snapshot, rule.code))
    if snapshot is None:
        return Versioned(0, None)
    return Versioned(snapshot.version, msgspec.json.decode(snapshot.state, type=rule.snapshot))


async def save_snapshot(log: Log, stream: str, before: int, known: Versioned) -> None:
    """Keep a state whose stream has come a good deal further than where it was ``before``; an outage is no matter."""
    rule = fold_of(stream)
    if rule.snapshot is not None and before // rule.snapshot_every < known.version // rule.snapshot_every:
        with suppress(Unavailable):
            snapshot = Snapshot(known.version, msgspec.json.encode(known.state))
            await log.save_snapshot(stream, shape_of(rule.snapshot, rule.code), snapshot)


@cache
def shape_of(state_type: type, code: tuple[ModuleType, ...]) -> str:
    """Return a text that differs when the definition of a state's type does, or of a type inside it, or its folding.

    ``code`` are the modules that fold it (reliability: snapshots carry a hash of the code).
    """
    schema = msgspec.json.encode(msgspec.json.schema(state_type), order="deterministic")
    return sha256(schema + "".join(map(inspect.getsource, code)).encode()).hexdigest()
