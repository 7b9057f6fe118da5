"""The bodies of the feed: what clients send, and what they get (contracts/incidents.md 0.6, 2.1)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from api.histories import CausingEvent, HistoryActor
from api.incidents.bodies import Form
from api.incidents.ids import INCIDENT_IDS
from api.refusals import InvalidBody
from commands.incident_fields import one_of, text
from domain.incidents.dialects import FEED
from domain.incidents.events import SourceKind
from domain.rejection import Cause

SHORTEST_TITLE, LONGEST_TITLE = 5, 200
SHORTEST_DESCRIPTION, LONGEST_DESCRIPTION = 10, 4000
DEFAULT_SEVERITY = "medium"
MOST_AGENTS, LONGEST_AGENT = 100, 100

Source = Literal["manual", "automated"]


class CreateForm(Form, frozen=True, rename="camel"):
    """An incident that somebody reports. Agents may be suggested, as in the reference; there are none to assign."""

    title: str = ""
    description: str = ""
    severity: str | None = None
    suggested_agents: Sequence[str] = ()

    def rank(self) -> int:
        """Return the rank of its severity; raise ``InvalidBody`` with everything that is wrong."""
        severity = DEFAULT_SEVERITY if self.severity is None else self.severity
        _refuse(
            [
                *text("#/title", self.title, SHORTEST_TITLE, LONGEST_TITLE),
                *text("#/description", self.description, SHORTEST_DESCRIPTION, LONGEST_DESCRIPTION),
                *one_of("#/severity", severity, FEED.ranks),
                *self._agents(),
            ]
        )
        return FEED.ranks[severity]

    def _agents(self) -> Iterator[Cause]:
        """Require names: what is passed over has to be something that could have been kept, too."""
        if len(self.suggested_agents) > MOST_AGENTS:
            yield Cause("#/suggestedAgents", "max", f"must have at most {MOST_AGENTS} items")
            return
        for number, agent in enumerate(self.suggested_agents):
            yield from text(f"#/suggestedAgents/{number}", agent, 1, LONGEST_AGENT)


class StatusForm(Form, frozen=True):
    """Where an incident is to go."""

    status: str = ""

    def word(self) -> str:
        """Return a word of the feed; raise ``InvalidBody``."""
        _refuse(one_of("#/status", self.status, FEED.words))
        return self.status


class SeverityForm(Form, frozen=True):
    """How bad an incident is."""

    severity: str = ""

    def word(self) -> str:
        """Return a word of the feed; raise ``InvalidBody``."""
        _refuse(one_of("#/severity", self.severity, FEED.ranks))
        return self.severity


class MergeForm(Form, frozen=True):
    """The incident that another one is the same as."""

    into: str = ""

    def ulid(self) -> str:
        """Return its ULID; raise ``InvalidBody`` for what is no id of an incident."""
        ulid = INCIDENT_IDS.ulid(self.into)
        if ulid is None:
            _refuse([Cause("#/into", "id", "must be the id of an incident")])
        return ulid or ""


def _refuse(causes: Iterable[Cause]) -> None:
    wrong = tuple(causes)
    if wrong:
        raise InvalidBody("fields are invalid", wrong)


class FeedRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An incident in a list. Times are ISO 8601, UTC, in whole seconds."""

    incident_id: str
    title: str
    severity: str
    status: str
    source: Source
    created_at: str


class FeedPage(msgspec.Struct, frozen=True):
    """A page of incidents; ``count`` is how many there are on all pages, ``cursor`` leads to the next one if any."""

    incidents: Sequence[FeedRow]
    count: int
    cursor: str | None


class FeedCause(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What an incident is about that nobody reported by hand. Members that do not apply are left out.

    ``process_instance`` and ``engine_incident``, the engine's own name of the incident, are ``partition/id``.
    """

    kind: SourceKind
    process_key: str | None = None
    version: str | None = None
    activity_id: str | None = None
    process_instance: str | None = None
    engine_incident: str | None = None
    rule_id: str | None = None
    rule_name: str | None = None
    metric: str | None = None
    operator: str | None = None
    threshold: float | None = None
    actual: float | None = None
    check_id: str | None = None
    check_name: str | None = None
    check_url: str | None = None
    type: str | None = None
    provider: str | None = None
    external_id: str | None = None
    service: str | None = None
    environment: str | None = None


class FeedIncident(FeedRow, frozen=True, kw_only=True, rename="camel"):
    """An incident, in full.

    The stamps are those of the current cycle: null again once it is reopened. ``previous_incident_id`` is the last one
    with the same cause, ``merged_into`` the one that this one is a duplicate of. Nobody here finds root causes or
    recommends actions.
    """

    description: str
    created_by: str
    updated_at: str
    acknowledged_at: str | None
    resolved_at: str | None
    resolved_by: str | None
    closed_at: str | None
    assignee: str | None
    assigned_agents: Sequence[str] = ()
    root_cause: str | None = None
    recommended_actions: Sequence[str] = ()
    failure_count: int
    cause: FeedCause | None
    previous_incident_id: str | None
    merged_into: str | None


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A fact. ``position`` is its place in the log, ``version`` in the incident's own history.

    It happened in engine time and was recorded by the clock on the wall; both are ISO 8601, UTC, in milliseconds.
    ``correlation_id`` is the command that recorded it, ``causation_id`` the fact that caused it, as
    ``<stream>/<version>``, or else the request, which is the command itself.
    ``cause`` is the same fact with its place in the log, null where a request alone caused this one.
    ``data`` is what the fact says, by the names that it has in the log; what has no value is left out. ``state`` is the
    incident after it, as far as the next decision rests on it, by the names of the program.
    """

    position: int
    version: int
    type: str
    happened_at: str
    recorded_at: str
    actor: HistoryActor
    causation_id: str
    correlation_id: str
    data: Mapping[str, Any]
    cause: CausingEvent | None
    state: msgspec.Raw


class FeedHistory(msgspec.Struct, frozen=True):
    """Everything that happened to an incident, the oldest first."""

    history: Sequence[HistoryEntry]
    count: int


class FeedFigures(msgspec.Struct, frozen=True, rename="camel"):
    """Incidents opened within a period.

    ``mttr`` is the mean time from start to resolution in seconds, null without any resolved; ``resolution_rate`` is the
    part of them that is resolved, from 0 to 1.
    """

    total_incidents: int
    resolved_incidents: int
    mttr: float | None
    resolution_rate: float
    by_severity: Mapping[str, int]
