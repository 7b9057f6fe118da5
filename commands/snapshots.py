"""Snapshots: the state of a long stream now and then, so that a cold load reads the last one and what came after it.

They are a hint: the log stays the truth, and a snapshot that is missing or of another release only costs time.
"""

import inspect
from contextlib import suppress
from hashlib import sha256

import msgspec

from commands.context import Log, Snapshot
from commands.states import Versioned, fold_of
from domain.rejection import Unavailable

_SHAPES: dict[type, str] = {}


async def load_snapshot(log: Log, stream: str) -> Versioned:
    """Return the last state that is kept of a stream; the state before its first fact where none is."""
    state_type = fold_of(stream).snapshot
    snapshot = await log.load_snapshot(stream, shape_of(state_type)) if state_type is not None else None
    if snapshot is None:
        return Versioned(0, None)
    return Versioned(snapshot.version, msgspec.json.decode(snapshot.state, type=state_type))


async def save_snapshot(log: Log, stream: str, before: int, known: Versioned) -> None:
    """Keep a state whose stream has come a good deal further than where it was ``before``; an outage is no matter."""
    rule = fold_of(stream)
    if rule.snapshot is not None and before // rule.snapshot_every < known.version // rule.snapshot_every:
        with suppress(Unavailable):
            snapshot = Snapshot(known.version, msgspec.json.encode(known.state))
            await log.save_snapshot(stream, shape_of(rule.snapshot), snapshot)


def shape_of(state_type: type) -> str:
    """Return a text that differs when the definition of a state's type, or of a type inside it, does, or its folding.

    The code that folds a state stands in the module of its type (reliability: snapshots carry a hash of the code).
    """
    shape = _SHAPES.get(state_type)
    if shape is None:
        schema = msgspec.json.encode(msgspec.json.schema(state_type), order="deterministic")
        code = inspect.getsource(inspect.getmodule(state_type) or state_type)
        shape = _SHAPES[state_type] = sha256(schema + code.encode()).hexdigest()
    return shape
