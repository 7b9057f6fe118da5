"""What histories have in common, whichever API tells them: who caused a fact, and which fact did (docs/replay.md)."""

import msgspec

from domain.event import Actor, ActorKind
from domain.identity import Int32, Int64
from domain.timestamps import rfc3339
from infra.replaying.causes import Cause
from infra.replaying.replays import Step
from projections.views import Moment


class HistoryActor(msgspec.Struct, frozen=True):
    """Who caused a fact: a worker is known by its ``workerId``, a user by their ``sub``, a key by ``key:<name>``."""

    kind: ActorKind
    id: str


class CausingEvent(msgspec.Struct, frozen=True):
    """The fact that caused another one; ``path`` is where the event feed tells it, to those who may read that."""

    position: Int64
    stream: str
    version: Int32
    type: str
    path: str


class HistoryFact(msgspec.Struct, frozen=True, rename="camel"):
    """A fact of a stream, and the state after it.

    ``position`` is its place in the log, ``version`` in its stream. It happened in the engine's time, and was recorded
    by the clock on the wall.
    """

    position: Int64
    version: Int32
    type: str
    happened_at: Moment
    recorded_at: Moment
    actor: HistoryActor
    correlation_id: str
    causation_id: str | None
    cause: CausingEvent | None
    data: msgspec.Raw
    state: msgspec.Raw


def history_fact(step: Step, cause: Cause | None) -> HistoryFact:
    fact = step.fact
    return HistoryFact(
        position=fact.position,
        version=fact.version,
        type=fact.event.topic,
        happened_at=rfc3339(fact.happened_at),
        recorded_at=rfc3339(fact.recorded_at),
        actor=actor_of(fact.actor),
        correlation_id=fact.correlation_id,
        causation_id=fact.causation_id,
        cause=causing_event(cause),
        data=msgspec.Raw(step.said),
        state=msgspec.Raw(step.state),
    )


def actor_of(actor: Actor) -> HistoryActor:
    return HistoryActor(actor.kind, actor.id)


def causing_event(cause: Cause | None) -> CausingEvent | None:
    """Return a cause as it is told, None where nothing but a request was one."""
    if cause is None:
        return None
    return CausingEvent(cause.position, cause.stream, cause.version, cause.topic, f"/events/{cause.position}")
