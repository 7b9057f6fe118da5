"""How uptime's operations are documented: their refusals, each with an example, and the parameters of lists."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIFormat, OpenAPIType, Schema

from api.incidents.documentation import (
    BEHIND,
    BUSY,
    NOBODY,
    NOT_ALLOWED,
    ONCE,
    Documented,
    json_body,
    number_parameter,
    refusals,
    text_parameter,
    word_parameter,
)
from api.refusals import InvalidAddress
from api.uptime.envelope import MOST_ROWS, USUAL_ROWS
from api.uptime.errors import UPTIME_FORM
from api.uptime.incident_bodies import SOURCES, TYPES
from api.uptime.listing import ORDERS, SORTS
from commands.check_incidents import UnresolvedIncident
from commands.incident_fields import (
    LONGEST_ASSIGNEE,
    LONGEST_MESSAGE,
    LONGEST_MONITOR,
    LONGEST_NOTE,
    LONGEST_REGION,
    LONGEST_TITLE,
    MOST_MONITORS,
    MOST_REGIONS,
)
from domain.identity import INT32_MAX
from domain.incidents.dialects import UPTIME, RefusedMove
from domain.rejection import Cause, InvalidInput, InvalidState, Rejection
from domain.timestamps import LATEST_MS

_UNREADABLE = InvalidInput("invalid request", "the request cannot be read")
_ALWAYS = (_UNREADABLE, NOBODY, NOT_ALLOWED, BUSY, BEHIND)

BAD_PARAMETER = InvalidAddress(
    "invalid parameter",
    "parameter limit must be a whole number from 1 to 100",
    [Cause("?limit", "parameter", "1 to 100")],
)
BAD_BODY = InvalidInput(
    "failed to change incident", "fields are invalid", [Cause("#/severity", "oneof", "must be one of critical, major")]
)
NO_MOVE = RefusedMove("resolved", "acknowledged", ("closed",))
CLOSED = InvalidState("failed to change incident", "the incident is closed")
UNRESOLVED = UnresolvedIncident("01JDZZZZZZZZZZZZZZZZZZZZZZ")

#: Of lists.
PAGING = (
    number_parameter("limit", "rows of a page", USUAL_ROWS, 1, MOST_ROWS),
    number_parameter("offset", "rows before the page", 0, 0, INT32_MAX),
)


def refused(*examples: Rejection) -> Mapping[int, ResponseSpec]:
    """Document the refusals of an operation, beside those that every one of them has."""
    return refusals(UPTIME_FORM, *_ALWAYS, *examples)


#: Filters and order of the list of incidents.
LISTING = (
    word_parameter("status", "incidents that are shown with this status", UPTIME.words),
    word_parameter("severity", "incidents that are shown with this severity", UPTIME.ranks),
    text_parameter("check_id", "incidents of this check", "chk_01JDZZZZZZZZZZZZZZZZZZZZZZ"),
    number_parameter(
        "since",
        "incidents that were updated after this moment, in epoch milliseconds",
        None,
        0,
        LATEST_MS,
        1_763_600_000_000,
    ),
    *PAGING,
    word_parameter("sort_by", "severity by rank, status by its place in the life cycle; default created_at", SORTS),
    word_parameter("sort_order", "default desc", ORDERS),
)


def _text(shortest: int, longest: int, description: str = "") -> Schema:
    return Schema(type=OpenAPIType.STRING, min_length=shortest, max_length=longest, description=description or None)


def _word(words: Collection[str]) -> Schema:
    return Schema(type=OpenAPIType.STRING, enum=list(words))


def _texts(longest: int, most: int) -> Schema:
    return Schema(type=OpenAPIType.ARRAY, items=_text(1, longest), max_items=most)


_SEVERITY = _word(UPTIME.ranks)
_MESSAGE = _text(1, LONGEST_MESSAGE)
_REGIONS = _texts(LONGEST_REGION, MOST_REGIONS)


@dataclass
class ListIncidentsOperation(Documented):
    more_parameters = LISTING


@dataclass
class ListRowsOperation(Documented):
    more_parameters = PAGING


@dataclass
class OpenIncidentOperation(Documented):
    more_parameters = (ONCE,)
    body = json_body(
        {
            "severity": "major",
            "type": "status_code",
            "title": "Checkout answers 502",
            "error_message": "expected 200, got 502",
            "affected_regions": ["eu-west"],
            "started_at": "2026-11-20T10:00:00Z",
        },
        ("severity", "type", "error_message"),
        severity=_SEVERITY,
        type=_word(TYPES),
        error_message=_MESSAGE,
        check_id=_text(1, 128, "Makes it a system incident of this check; one that is given needs no title."),
        title=_text(1, LONGEST_TITLE),
        source=_word(SOURCES),
        affected_regions=_REGIONS,
        affected_monitor_ids=_texts(LONGEST_MONITOR, MOST_MONITORS),
        failure_count=Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=INT32_MAX, default=1),
        status_page_update=_text(0, LONGEST_MESSAGE),
        started_at=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME, description="ISO 8601; default now"),
    )


@dataclass
class ChangeIncidentOperation(Documented):
    more_parameters = (ONCE,)
    body = json_body(
        {"severity": "critical", "affected_regions": ["eu-west", "us-east"]},
        (),
        severity=_SEVERITY,
        error_message=_MESSAGE,
        affected_regions=_REGIONS,
    )


@dataclass
class ChangeStatusOperation(Documented):
    more_parameters = (ONCE,)
    body = json_body(
        {"status": "resolved", "note": "rolled back"},
        ("status",),
        status=_word(UPTIME.words),
        note=_text(0, LONGEST_NOTE),
        assignee_id=_text(1, LONGEST_ASSIGNEE, "default: the caller"),
    )


@dataclass
class AcknowledgeOperation(Documented):
    more_parameters = (ONCE,)


@dataclass
class AddUpdateOperation(Documented):
    more_parameters = (ONCE,)
    body = json_body({"message": "the load balancer is back"}, ("message",), message=_MESSAGE)
