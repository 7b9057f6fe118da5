"""How the feed's operations are documented. Their parameters are read by hand, once it is known who asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar.datastructures import ResponseHeader
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example, OpenAPIType, Parameter, Schema

from api.incidents.documentation import POSITION, Documented, number_parameter, refusals, text_parameter
from api.incidents.parameters import invalid
from api.log.parameters import DEFAULT_LIMIT, LONGEST_WAIT, MOST_EVENTS
from api.log.seats import RETRY_SECONDS
from api.log.stream import MEDIA_TYPE
from api.log.telling import CLOUD_EVENT, NEXT
from api.problems import PROBLEM_JSON
from api.refusals import TooManyRequests, Unauthorized
from domain.identity import INT64_MAX
from domain.rejection import Forbidden, NotFound, Unavailable
from domain.topics import TOPICS

GO_ON = ResponseHeader(name=NEXT, documentation_only=True, description="position to go on after")
PAGE_HEADERS = (POSITION, GO_ON)

REFUSALS: Mapping[int, ResponseSpec] = refusals(
    PROBLEM_JSON,
    invalid("after", f"must be a whole number from 0 to {INT64_MAX}"),
    Unauthorized("a valid API key or token is required", ""),
    Forbidden("access denied", "role viewer does not allow this"),
    TooManyRequests("only 20 may listen at once with one credential", RETRY_SECONDS),
    Unavailable("failed to follow the log", "the database cannot be reached"),
)

UNKNOWN_TYPE: Mapping[int, ResponseSpec] = refusals(
    PROBLEM_JSON, NotFound("failed to find type", "there is no type job.lost.v1")
)


UNKNOWN_EVENT: Mapping[int, ResponseSpec] = {
    **{status: REFUSALS[status] for status in (401, 403, 429, 503)},
    **refusals(
        PROBLEM_JSON,
        invalid("position", f"must be a whole number from 0 to {INT64_MAX}"),
        NotFound("failed to find event", "there is no event at position 1042"),
    ),
}


class EventExample(msgspec.Struct, frozen=True, omit_defaults=True):
    """A CloudEvents 1.0 envelope; `data` has the shape that `/events/types` tells of its `type`."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str
    sequence: str
    streamversion: int
    recordedtime: str
    tenant: str
    actorkind: str
    actorid: str
    correlationid: str
    data: Mapping[str, Any]
    causationid: str | None = None
    traceparent: str | None = None
    dataschema: str | None = None


class PageExample(msgspec.Struct, frozen=True):
    """Events in the order of their positions; `next` is the position to go on after."""

    events: list[EventExample]
    next: str


_EVENT = EventExample(
    specversion="1.0",
    id="1042",
    source="urn:uuid:5b5a3a3e-1f1c-5d53-9f0e-0d6b2f6a4c1e",
    type="incident.resolved.v1",
    subject="incident-01JD8QZ2N3W4X5Y6Z7A8B9C0D1",
    time="2026-11-23T09:15:10.71Z",
    datacontenttype="application/json",
    sequence="0000000000000001042",
    streamversion=2,
    recordedtime="2026-11-23T09:15:10.712Z",
    tenant="acme",
    actorkind="user",
    actorid="mara",
    correlationid="01JD8R0000000000000000000A",
    data={"how": "manual"},
    dataschema="https://annals.example/events/types/incident.resolved.v1",
)


class ServerSentEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event of a stream: ``id`` is its position, ``event`` its type, ``data`` the envelope as JSON."""

    data: str
    event: str = ""
    id: str = ""


PAGE: Mapping[int, ResponseSpec] = {
    200: ResponseSpec(
        PageExample,
        generate_examples=False,
        description="Events and where to go on; with `Accept: application/x-ndjson` a line for each event",
        examples=[Example(value=msgspec.to_builtins(PageExample([_EVENT], "1042")))],
    )
}
EVENT: Mapping[int, ResponseSpec] = {
    200: ResponseSpec(
        EventExample,
        generate_examples=False,
        media_type=CLOUD_EVENT,
        description="The event",
        examples=[Example(value=msgspec.to_builtins(_EVENT))],
    )
}
STREAM: Mapping[int, ResponseSpec] = {
    200: ResponseSpec(
        ServerSentEvent,
        generate_examples=False,
        media_type=MEDIA_TYPE,
        description="Server-sent events, without an end",
    )
}

_AFTER = number_parameter("after", "events after this position", 0, 0, INT64_MAX)
_FILTERS = (
    Parameter(
        name="type",
        param_in="query",
        schema=Schema(
            type=OpenAPIType.ARRAY,
            items=Schema(
                any_of=[
                    Schema(type=OpenAPIType.STRING, enum=sorted(TOPICS)),
                    Schema(type=OpenAPIType.STRING, pattern=r"^[a-z_]+(\.[a-z_]+)*\.\*$"),
                ]
            ),
            examples=[["job.failed.v1", "incident.*"]],
        ),
        description="events of this type only, or of all that begin so (`incident.*`); may be given several times",
        required=False,
    ),
    text_parameter("stream", "events of this stream only, or of what this is the id of", "instance-2026-11-23-1"),
    text_parameter("processKey", "events of this process only, by its BPMN id", "order"),
    text_parameter("incident", "events of this incident only", "inc_01JD8QZ2N3W4X5Y6Z7A8B9C0D1"),
)


@dataclass
class OfPages(Documented):
    more_parameters = (
        _AFTER,
        number_parameter("limit", "events of the page", DEFAULT_LIMIT, 1, MOST_EVENTS),
        number_parameter("wait", "seconds to wait at the end of the log until something comes", 0, 0, LONGEST_WAIT),
        *_FILTERS,
    )


@dataclass
class OfStream(Documented):
    more_parameters = (
        _AFTER,
        *_FILTERS,
        Parameter(
            name="Last-Event-ID",
            param_in="header",
            schema=Schema(type=OpenAPIType.STRING, pattern=r"^\d{1,19}$", examples=["1042"]),
            description="as `after`, which it wins over: what browsers send when they come back",
            required=False,
        ),
    )
