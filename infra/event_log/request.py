"""A command on its way into the log: its rows, in the form the driver sends, and the caller who waits.

Rows are made once, when the append is asked for: this is on the way of everything that is ever written.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from commands.context import Context, Decision
from commands.decision_tables import CHANGES, Changes
from domain.rejection import Unavailable
from infra.codec import encode
from infra.event_log.tail import Appended

TRIED = "failed to append"

#: The decision tables, in the order in which the append takes their changes.
TABLES = (
    "open_jobs",
    "open_tasks",
    "open_incidents",
    "deployed_processes",
    "api_keys",
    "open_user_tasks",
    "signal_subscriptions",
    "start_definitions",
)


class Request:
    """A command to append. ``keys`` are what no two commands of a batch may share: its streams and its id.

    ``attempt`` is unique to this request: by it the writer knows its own command when it finds it stored.
    ``deadline`` is by the clock of the event loop.
    """

    __slots__ = (
        "actor",
        "appends",
        "attempt",
        "bytes",
        "changes",
        "command",
        "deadline",
        "events",
        "heads",
        "keys",
        "outcome",
        "states",
        "topics",
        "traceparent",
    )

    def __init__(self, decision: Decision, context: Context, attempt: int, deadline: float) -> None:
        self.outcome: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.attempt = attempt
        self.deadline = deadline
        self.heads: list[tuple[str, int, int]] = []
        self.topics: list[str] = []
        self.states: list[bytes] = []
        self.changes: Changes | None = None
        self.appends = decision.appends
        self.traceparent = context.traceparent
        self.actor = context.actor
        self._take_in(decision, context)
        self.events = len(self.topics)
        self.bytes = sum(map(len, self.states))
        self.keys = {context.command_id, *[head[0] for head in self.heads]}
        self.command = (
            context.command_id,
            attempt,
            context.fingerprint,
            msgspec.json.encode(decision.answer) if context.keep_answer else None,
            context.principal or None,
            context.tenant,
            context.actor.kind,
            context.actor.id,
            context.now,
            context.causation_id,
            self.events,
        )

    def _take_in(self, decision: Decision, context: Context) -> None:
        tenant, actor = context.tenant, context.actor.id
        topics, states, changes = self.topics, self.states, None
        for append in decision.appends:
            stream = append.stream
            self.heads.append((stream, append.expected, append.expected + len(append.events)))
            for event in append.events:
                topics.append(event.topic)
                states.append(encode(event))
                change = CHANGES.get(type(event))
                if change is not None:
                    if changes is None:
                        changes = self.changes = Changes(context.now)
                    change(changes, stream, event, tenant, actor)

    def appended(self, first: int, recorded_at: datetime) -> Appended:
        """Return what this came to, once it is in the log from a position on."""
        command_id, _, _, _, _, tenant, _, _, happened_at, causation_id, _ = self.command
        return Appended(
            first, self.events, self.appends, tenant, self.actor, happened_at, recorded_at, command_id, causation_id
        )

    def waits(self, now: float) -> bool:
        """Tell whether somebody still waits for the outcome; whoever has waited too long is told so here."""
        if self.outcome.done():
            return False
        if now < self.deadline:
            return True
        self.fail(Unavailable(TRIED, "the log could not be reached in time; whether it took effect is not known"))
        return False

    def succeed(self, position: int) -> None:
        if not self.outcome.done():
            self.outcome.set_result(position)

    def fail(self, error: Exception) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)


def arguments(requests: Sequence[Request], recorded_at: datetime) -> list[Any]:
    """Return the arguments of ``log.append`` for a batch: commands are known by their place in it, from 1."""
    commands: list[Any] = []
    heads: list[Any] = []
    numbers: list[int] = []
    streams: list[str] = []
    versions: list[int] = []
    topics: list[str] = []
    states: list[bytes] = []
    traces = [request.traceparent for request in requests]
    changes: tuple[list[Any], ...] = tuple([] for _ in TABLES)
    for number, request in enumerate(requests, 1):
        commands.append(request.command)
        for head in request.heads:
            stream, expected, version = head
            heads.append((number, stream, expected, version))
            streams += [stream] * (version - expected)
            versions += range(expected + 1, version + 1)
        numbers += [number] * request.events
        topics += request.topics
        states += request.states
        if request.changes is not None:
            add_changes(changes, number, request.changes)
    return [recorded_at, commands, heads, numbers, streams, versions, topics, states, *changes, traces]


def add_changes(columns: tuple[list[Any], ...], number: int, changes: Changes) -> None:
    """Add the changes of a command to those for each decision table, in the order in which the append takes them."""
    for column, rows in zip(columns, changes.by_table(), strict=True):
        if rows:
            column += [(number, *row) for row in rows]
