"""An entry of the audit: who did what to what, when and why."""

from functools import cache

import msgspec

from api.histories import CausingEvent, HistoryActor, actor_of, causing_event
from api.log.types import described
from api.subjects import Subject, subject_of
from domain.identity import Int64
from domain.timestamps import rfc3339
from domain.topics import TOPICS, UPCASTERS
from infra.audit.trail import Deed
from projections.views import Moment

UNREADABLE = "An event that this release cannot read: a newer one has written it, or it was changed."


class AuditEntry(msgspec.Struct, frozen=True, rename="camel"):
    """A fact, seen from who caused it.

    ``position`` is its place in the log. It happened (``at``) in the engine's time, and was recorded by the clock on
    the wall. ``action`` is the type of the event, ``summary`` what that means. ``correlationId`` is the command that
    recorded it, ``causationId`` what caused the command, where that was no request; ``cause`` is the fact that it came
    from, null where it was asked for.
    """

    position: Int64
    at: Moment
    recorded_at: Moment
    actor: HistoryActor
    action: str
    subject: Subject
    correlation_id: str
    causation_id: str | None
    cause: CausingEvent | None
    summary: str


class AuditPage(msgspec.Struct, frozen=True):
    """Some entries, in the order of their positions; ``next`` is the position to go on after."""

    entries: list[AuditEntry]
    next: Int64


def audit_entry(deed: Deed) -> AuditEntry:
    """Return a deed as it is told."""
    fact = deed.fact
    return AuditEntry(
        position=fact.position,
        at=rfc3339(fact.happened_at),
        recorded_at=rfc3339(fact.recorded_at),
        actor=actor_of(fact.actor),
        action=deed.topic,
        subject=subject_of(fact.stream),
        correlation_id=fact.correlation_id,
        causation_id=fact.causation_id,
        cause=causing_event(deed.cause),
        summary=summary_of(deed.topic) if deed.readable else UNREADABLE,
    )


@cache
def summary_of(topic: str) -> str:
    """Return what an event of a type means, in a sentence."""
    while topic in UPCASTERS:
        topic, _ = UPCASTERS[topic]
    sentence, _, _ = described(TOPICS[topic]).partition("\n")[0].partition(". ")
    return f"{sentence.rstrip('.')}."
