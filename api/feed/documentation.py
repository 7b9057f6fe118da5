"""How the operations of the feed are documented: their parameters, bodies and refusals."""

from collections.abc import Mapping
from dataclasses import dataclass

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIType, Schema

from api.feed.bodies import (
    DEFAULT_SEVERITY,
    LONGEST_AGENT,
    LONGEST_DESCRIPTION,
    LONGEST_TITLE,
    MOST_AGENTS,
    SHORTEST_DESCRIPTION,
    SHORTEST_TITLE,
    FeedHistory,
)
from api.feed.errors import FEED_FORM
from api.feed.listing import DEFAULT_LIMIT, MOST_ROWS, ORDERS, SEVERITIES, SORTS
from api.feed.periods import PERIODS
from api.incidents.documentation import (
    INCIDENT,
    ONCE,
    USUAL,
    Documented,
    json_body,
    number_parameter,
    refusals,
    text_parameter,
    word_parameter,
)
from api.incidents.parameters import invalid
from domain.incidents.dialects import FEED, RefusedMove

_REFUSALS: Mapping[int, ResponseSpec] = refusals(
    FEED_FORM,
    invalid("limit", f"must be a whole number from 1 to {MOST_ROWS}"),
    *USUAL,
    RefusedMove("resolved", "triaging", ("closed",)),
)

#: What any operation may be refused with.
_ALWAYS = (400, 401, 429, 503)

#: What operations that write may be refused with beyond that.
WRITES = (403, 409, 415)


def refused_with(*statuses: int) -> dict[int, ResponseSpec]:
    """Return how an operation tells refusals of these statuses, and those that every operation may give."""
    return {status: _REFUSALS[status] for status in sorted({*_ALWAYS, *statuses})}


#: The history is sent in parts, which says nothing of its shape.
HISTORY: Mapping[int, ResponseSpec] = {
    200: ResponseSpec(FeedHistory, generate_examples=False, description="The whole history, the oldest fact first")
}


def _text(shortest: int, longest: int) -> Schema:
    return Schema(type=OpenAPIType.STRING, min_length=shortest, max_length=longest)


_SEVERITY = Schema(type=OpenAPIType.STRING, enum=list(FEED.ranks))


@dataclass
class ListFeed(Documented):
    more_parameters = (
        word_parameter("severity", "incidents of this severity only", SEVERITIES),
        word_parameter("status", "incidents of this status only", FEED.words),
        word_parameter("sort", "what to sort by; ties are broken by id, in the same direction", SORTS),
        word_parameter("order", "the newest or the oldest first", ORDERS),
        number_parameter("limit", "incidents of the page", DEFAULT_LIMIT, 1, MOST_ROWS),
        text_parameter(
            "cursor",
            "of the page before; it can be used for 24 hours, with the filters and the order that it came with",
            "AAAAAGkfr0AABkQb9xyIADAxSkQ4UVoyTjNXNFg1WTZaN0E4QjlDMEQxKZ0m0R8kJ2b0rYq0oE6Zb1sK",
        ),
    )


@dataclass
class CreateInFeed(Documented):
    more_parameters = (ONCE,)
    body = json_body(
        {"title": "Checkout is slow", "description": "Customers wait for ten seconds and more.", "severity": "high"},
        ["title", "description"],
        title=_text(SHORTEST_TITLE, LONGEST_TITLE),
        description=_text(SHORTEST_DESCRIPTION, LONGEST_DESCRIPTION),
        severity=Schema(type=OpenAPIType.STRING, enum=list(FEED.ranks), default=DEFAULT_SEVERITY),
        suggestedAgents=Schema(
            type=OpenAPIType.ARRAY,
            items=_text(1, LONGEST_AGENT),
            max_items=MOST_AGENTS,
            description="taken as the reference takes it; there are no agents here",
        ),
    )


@dataclass
class MoveInFeed(Documented):
    more_parameters = (ONCE,)
    body = json_body(
        {"status": "investigating"}, ["status"], status=Schema(type=OpenAPIType.STRING, enum=list(FEED.words))
    )


@dataclass
class RateInFeed(Documented):
    more_parameters = (ONCE,)
    body = json_body({"severity": "critical"}, ["severity"], severity=_SEVERITY)


@dataclass
class MergeInFeed(Documented):
    more_parameters = (ONCE,)
    body = json_body(
        {"into": INCIDENT},
        ["into"],
        into=Schema(type=OpenAPIType.STRING, description="the id of the incident that goes on"),
    )


@dataclass
class OfPeriod(Documented):
    more_parameters = (word_parameter("period", "how far back; 30d where it is not given", tuple(PERIODS)),)
