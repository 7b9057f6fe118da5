"""What a follower of the log asks for, in the query of its request.

A parameter that is not known is refused: a filter that is spelt wrongly would let everything through.
"""

from collections.abc import Collection

from api.incidents.ids import INCIDENT_IDS
from api.incidents.parameters import Parameters, invalid
from api.subjects import stream_in
from domain.event_types import WantedTypes, wanted_types
from domain.identity import incident_stream
from domain.topics import is_type
from infra.event_feed.pages import Wanted

DEFAULT_LIMIT = 100
MOST_EVENTS = 1_000
LONGEST_WAIT = 30

FILTERS = ("type", "stream", "processKey", "incident")

#: The name of a stream that there never is: a filter that nothing passes.
NO_STREAM = ""


class FollowerParameters(Parameters):
    """The query of a request to the feed; what cannot be read raises ``InvalidAddress``."""

    def only(self, names: Collection[str]) -> None:
        """Refuse whatever is not one of these."""
        for name in self._values:
            if name not in names:
                raise invalid(name[:100], f"is not known; those that are: {', '.join(names)}")

    def wanted(self, tenant: str) -> Wanted:
        """Return what the filters let through of a tenant's events."""
        given, incident = self.text("stream"), self.text("incident")
        stream = None if given is None else stream_in(given)
        if incident is not None:
            ulid = INCIDENT_IDS.ulid(incident)
            of_incident = incident_stream(ulid) if ulid is not None else NO_STREAM
            stream = of_incident if stream in (None, of_incident) else NO_STREAM
        return Wanted(tenant, self._types(), stream, self.text("processKey"))

    def _types(self) -> WantedTypes:
        """Return the types that are asked for, each given by itself."""
        wishes = self._values.get("type", ())
        if not all(map(is_type, wishes)):
            raise invalid("type", "must be a type that /events/types lists, or the first parts of some with .* behind")
        return wanted_types(wishes)
