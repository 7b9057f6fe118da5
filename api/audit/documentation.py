"""How the operations of the audit are documented."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from litestar.datastructures import ResponseHeader
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example, OpenAPIFormat, OpenAPIType, Parameter, Schema

from api.audit.entries import AuditEntry, AuditPage, summary_of
from api.audit.forms import FORMS
from api.audit.heads import AuditHead
from api.audit.parameters import ACTOR_KINDS, DEFAULT_LIMIT, JSON, MOST_ENTRIES
from api.histories import CausingEvent, HistoryActor
from api.incidents.documentation import POSITION, Documented, number_parameter, refusals, text_parameter, word_parameter
from api.incidents.parameters import invalid
from api.log.seats import RETRY_SECONDS
from api.log.telling import NEXT
from api.problems import PROBLEM_JSON
from api.refusals import TooManyRequests, Unauthorized
from api.subjects import Subject
from domain.identity import INT64_MAX
from domain.rejection import Forbidden, Unavailable

PAGE_HEADERS = (
    POSITION,
    ResponseHeader(name=NEXT, documentation_only=True, description="position to go on after"),
)

REFUSALS: Mapping[int, ResponseSpec] = refusals(
    PROBLEM_JSON,
    invalid("after", f"must be a whole number from 0 to {INT64_MAX}"),
    Unauthorized("a valid API key or token is required", ""),
    Forbidden("access denied", "role viewer does not allow this"),
    TooManyRequests("only 4 may listen at once with one credential", RETRY_SECONDS),
    Unavailable("failed to audit the log", "the database cannot be reached"),
)

_ENTRY = AuditEntry(
    position=1042,
    at="2026-11-23T09:15:10.71Z",
    recorded_at="2026-11-23T09:15:10.712Z",
    actor=HistoryActor("user", "mara"),
    action="incident.resolved.v1",
    subject=Subject(
        "incident-01JD8QZ2N3W4X5Y6Z7A8B9C0D1",
        "inc_01JD8QZ2N3W4X5Y6Z7A8B9C0D1",
        "/v1/incidents/inc_01JD8QZ2N3W4X5Y6Z7A8B9C0D1/history",
    ),
    correlation_id="01JD8R0000000000000000000A",
    causation_id=None,
    cause=CausingEvent(1041, "instance-2026-11-23-1", 12, "job.completed.v1", "/events/1041"),
    summary=summary_of("incident.resolved.v1"),
)
_HASH = "3f0c9a1f5b7d2e4c6a8091b2c3d4e5f60718293a4b5c6d7e8f9012a3b4c5d6e7"

PAGE: Mapping[int, ResponseSpec] = {
    200: ResponseSpec(
        AuditPage,
        generate_examples=False,
        description="Entries and where to go on; with `format` (or `Accept`) all entries as lines of JSON or CSV",
        examples=[Example(value=msgspec.to_builtins(AuditPage([_ENTRY], 1042)))],
    )
}
HEAD: Mapping[int, ResponseSpec] = {
    200: ResponseSpec(
        AuditHead,
        generate_examples=False,
        description="The hash of everything up to a position",
        examples=[
            Example(value=msgspec.to_builtins(AuditHead(1042, _HASH, "2026-11-23T09:15:11.7Z", f"1042:{_HASH}")))
        ],
    )
}


def _time_parameter(name: str, description: str) -> Parameter:
    schema = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME, examples=["2026-11-23T09:00:00Z"])
    return Parameter(name=name, param_in="query", schema=schema, description=description, required=False)


@dataclass
class OfAudit(Documented):
    more_parameters = (
        number_parameter("after", "entries after this position", 0, 0, INT64_MAX),
        number_parameter(
            "limit", "entries of the page; of lines all when it is not given", DEFAULT_LIMIT, 1, MOST_ENTRIES
        ),
        word_parameter("format", "form of the answer", (JSON, *FORMS)),
        text_parameter("actor", "by this actor only, by its id", "mara"),
        word_parameter("actorKind", "by actors of this kind only", ACTOR_KINDS),
        text_parameter("action", "of this type of events only; or of all that begin so", "incident.*"),
        text_parameter(
            "subject", "to this stream only, or to what this is the id of", "inc_01JD8QZ2N3W4X5Y6Z7A8B9C0D1"
        ),
        _time_parameter("from", "recorded at this time or later"),
        _time_parameter("to", "recorded before this time"),
    )
