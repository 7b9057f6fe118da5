"""What an auditor asks for, in the query of the request. A parameter that is not known is refused, as by the feed."""

from datetime import UTC, datetime
from typing import get_args

import msgspec

from api.audit.forms import FORMS
from api.incidents.parameters import invalid
from api.log.parameters import FollowerParameters
from api.media_types import JSON as JSON_TYPE
from api.media_types import preferred
from api.subjects import stream_in
from domain.event import ActorKind
from domain.event_types import WantedTypes, wanted_types
from domain.identity import INT64_MAX
from domain.topics import are_any
from infra.audit.trail import Asked

DEFAULT_LIMIT = 100
MOST_ENTRIES = 1_000
JSON = "json"

NAMES = ("after", "limit", "format", "actor", "actorKind", "action", "subject", "from", "to")
ACTOR_KINDS: tuple[str, ...] = get_args(ActorKind)

#: The names of forms, by their media types.
_BY_TYPE = {JSON_TYPE: JSON, **{form.media_type: name for name, form in FORMS.items()}}


class AuditParameters(FollowerParameters):
    """The query of a request to the audit; what cannot be read raises ``InvalidAddress``."""

    def asked(self, tenant: str) -> Asked:
        """Return which deeds of a tenant are wanted."""
        subject = self.text("subject")
        since, until = self._moment("from"), self._moment("to")
        if since is not None and until is not None and since >= until:
            raise invalid("to", "must be later than from")
        return Asked(
            tenant=tenant,
            actor_kind=self.word("actorKind", ACTOR_KINDS),
            actor=self.text("actor"),
            types=self._action(),
            stream=None if subject is None else stream_in(subject),
            since=since,
            until=until,
        )

    def after(self) -> int:
        return self.position("after") or 0

    def most(self) -> int | None:
        """Return how many entries are wanted at most, None for all that there are."""
        return self.number("limit", 0, 1, INT64_MAX) or None

    def form(self, accept: str) -> str:
        """Return the form of the answer: the one that is named, or else the one that ``Accept`` wants most."""
        named = self.word("format", (JSON, *FORMS))
        return named or _BY_TYPE[preferred(accept, tuple(_BY_TYPE))]

    def _action(self) -> WantedTypes:
        """Return the types that are wanted: the one of this name, in any version where none is given, or some."""
        action = self.text("action")
        if action is None:
            return WantedTypes()
        for types in (wanted_types([action]), WantedTypes(beginnings=(f"{action}.v",))):
            if are_any(types):
                return types
        raise invalid("action", "must be a type that /events/types lists, with or without version, or like incident.*")

    def _moment(self, name: str) -> datetime | None:
        text = self.text(name)
        if text is None:
            return None
        try:
            moment = msgspec.convert(text, datetime)
            return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        except (msgspec.ValidationError, OverflowError) as error:
            raise invalid(name, "must be a time like 2026-11-23T09:15:10Z") from error
