"""What a client asks the list for: filters, an order, and a page by its cursor (contracts/incidents.md 2.1, 2.9)."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import msgspec

from api.feed.bodies import FeedPage
from api.feed.telling import row
from api.incidents.cursors import Cursors, Place
from api.incidents.requests import Incoming
from domain.incidents.dialects import FEED
from projections.database import Database
from projections.incident_list.queries import Filter, ListedIncident, count_incidents, incidents_by_cursor

#: Words to filter by. Severity ``info`` is taken when an incident is created, and shown as ``low``.
SEVERITIES: Sequence[str] = tuple(dict.fromkeys(FEED.severities.values()))

SORTS = ("createdAt",)
ORDERS = ("desc", "asc")
DEFAULT_LIMIT, MOST_ROWS = 20, 100


class Listing(NamedTuple):
    """A page to be read."""

    tenant: str
    filter: Filter
    descending: bool
    limit: int
    after: Place | None
    cursors: Cursors

    @classmethod
    def asked_by(cls, incoming: Incoming) -> Self:
        """Read the parameters; raise ``InvalidAddress``."""
        given = incoming.parameters
        severity, status = given.word("severity", SEVERITIES), given.word("status", FEED.words)
        given.word("sort", SORTS)
        order = given.word("order", ORDERS) or ORDERS[0]
        limit = given.number("limit", DEFAULT_LIMIT, 1, MOST_ROWS)
        subject = msgspec.json.encode(("feed", incoming.tenant, severity, status, order))
        cursors = Cursors(incoming.tracking.fingerprint, subject, incoming.wall)
        cursor = given.text("cursor")
        return cls(
            tenant=incoming.tenant,
            filter=Filter(
                statuses=FEED.shown_as(status) if status else (),
                ranks=FEED.ranks_shown_as(severity) if severity else (),
            ),
            descending=order == ORDERS[0],
            limit=limit,
            after=cursors.place(cursor) if cursor is not None else None,
            cursors=cursors,
        )

    async def page(self, db: Database) -> FeedPage:
        """Read the page, and one incident more to know whether there is a next one."""
        found = await incidents_by_cursor(
            db, self.tenant, self.filter, descending=self.descending, limit=self.limit + 1, after=self.after
        )
        shown = found[: self.limit]
        cursor = self._after(shown[-1]) if len(found) > self.limit else None
        return FeedPage(
            [row(incident) for incident in shown], await count_incidents(db, self.tenant, self.filter), cursor
        )

    def _after(self, incident: ListedIncident) -> str:
        return self.cursors.at(Place(incident.created_at, incident.incident))
