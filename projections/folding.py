"""From a batch of facts to few rows: a projector folds the batch in memory, then writes what came of it at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from domain.event import Event, Recorded
from projections.database import Database

State = TypeVar("State")

#: What a fact does to the state that a batch is folded into; facts that are not listed do nothing.
Handlers = Mapping[type[Event], Callable[[State, Recorded, Any], None]]


def folded(facts: Iterable[Recorded], state: State, handlers: Handlers[State]) -> State:
    """Apply each fact that has a handler, in order, and return the state."""
    find = handlers.get
    for fact in facts:
        event = fact.event
        handle = find(type(event))
        if handle is not None:
            handle(state, fact, event)
    return state


def begun_before(facts: Sequence[Recorded], first: type[Event]) -> set[str]:
    """Return the streams of these facts that began before them; ``first`` is what each stream begins with."""
    return {fact.stream for fact in facts} - {fact.stream for fact in facts if isinstance(fact.event, first)}


def listed(rows: Iterable[msgspec.Struct]) -> str:
    """Write rows as one JSON text, as ``json_populate_recordset`` takes them: their fields are named like the columns.

    The driver would take several times as long to encode a sequence for each column.
    """
    return msgspec.json.encode(list(rows)).decode()


class Gone(msgspec.Struct):
    """A thing that was there before the batch and is no longer."""

    tenant: str
    id: int


class Batch:
    """A row for each thing that a batch makes, and a change for each one that was there before.

    Both are structs whose fields are named like the columns of the table.
    """

    def __init__(self) -> None:
        self.rows: dict[Any, Any] = {}
        self.changes: dict[Any, Any] = {}

    def find(self, key: Any) -> Any:
        """Return what stands for a thing in the batch, or none."""
        return self.rows.get(key) or self.changes.get(key)

    async def write(self, db: Database, insert: str, update: str) -> None:
        """Execute the statements, which take the rows and the changes as a JSON text."""
        if self.rows:
            await db.execute(insert, listed(self.rows.values()))
        if self.changes:
            await db.execute(update, listed(self.changes.values()))


def forget(batch: Batch, tenant: str, number: int) -> None:
    """Take a thing away whose number never comes back: its row, or as a change ``Gone`` when it was there before."""
    if batch.rows.pop(number, None) is None:
        batch.changes[number] = Gone(tenant, number)
