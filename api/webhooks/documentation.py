"""How the operations of webhooks are documented: their bodies and parameters, with examples."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import get_args

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIFormat, OpenAPIResponse, OpenAPIType, Parameter, Schema

from api.incidents.documentation import (
    BEHIND,
    NO_JSON,
    NOBODY,
    NOT_ALLOWED,
    ONCE,
    REUSED,
    Documented,
    json_body,
    number_parameter,
    refusals,
    text_parameter,
    word_parameter,
)
from api.problems import PROBLEM_JSON
from api.refusals import InvalidBody
from commands import webhook_fields
from commands.webhooks import MOST_WEBHOOKS
from domain.identity import INT64_MAX
from domain.rejection import InvalidState, NotFound
from infra.delivery.records import State

#: Of a page.
DEFAULT_LIMIT = 50
MOST_LISTED = 100

STATES: tuple[State, ...] = get_args(State)

_WEBHOOK = "whk_01JD8QZ2N3W4X5Y6Z7A8B9C0D1"
_UNREADABLE = InvalidBody("Expected `str`, got `int` - at `$.url`")

_EXAMPLES = {
    400: _UNREADABLE,
    401: NOBODY,
    403: NOT_ALLOWED,
    404: NotFound("failed to find webhook", f"webhook {_WEBHOOK} could not be found"),
    409: REUSED,
    415: NO_JSON,
    503: BEHIND,
}

#: A tenant has all the webhooks that it may have.
TOO_MANY: Mapping[int, ResponseSpec] = refusals(
    PROBLEM_JSON, InvalidState("failed to create webhook", f"the tenant has {MOST_WEBHOOKS} webhooks already")
)
#: Nothing is asked of a webhook that is disabled.
DISABLED: Mapping[int, ResponseSpec] = refusals(
    PROBLEM_JSON, InvalidState("failed to send to webhook", f"webhook {_WEBHOOK} is disabled")
)


def refused_with(*statuses: int) -> dict[int, ResponseSpec]:
    """Document the refusals of an operation, beside those that all of them have."""
    return refusals(PROBLEM_JSON, *(_EXAMPLES[status] for status in sorted({*statuses, 401, 403, 503})))


_TEXT = OpenAPIType.STRING
_URL = Schema(
    type=_TEXT,
    format=OpenAPIFormat.URI,
    max_length=webhook_fields.LONGEST_URL,
    description="https, without a user or a fragment; port 443 or 8443 unless the deployment allows others",
)
_DESCRIPTION = Schema(type=_TEXT, max_length=webhook_fields.LONGEST_DESCRIPTION)
_TYPES = Schema(
    type=OpenAPIType.ARRAY,
    items=Schema(type=_TEXT),
    max_items=webhook_fields.MOST_TYPES,
    description="types of `/events/types`, or the first parts of some: `incident.*`; none of them: all types",
)
_PROCESS_KEY = Schema(
    type=_TEXT,
    max_length=webhook_fields.LONGEST_PROCESS_KEY,
    description="events of this process only, by its BPMN id; empty: of any, and those of none",
)
_ORDERED = Schema(
    type=OpenAPIType.BOOLEAN,
    default=False,
    description="whether no event is sent before the one ahead of it has arrived",
)
_SECRET = Schema(
    type=_TEXT,
    pattern="^whsec_[A-Za-z0-9+/]+=*$",
    description="one of the client's own, 24 to 64 bytes; left out, one is made",
)


@dataclass
class CreateWebhookOperation(Documented):
    more_parameters = (ONCE,)
    body = json_body(
        {"url": "https://receiver.example/hooks", "types": ["incident.*"], "description": "service desk"},
        ["url"],
        url=_URL,
        description=_DESCRIPTION,
        types=_TYPES,
        processKey=_PROCESS_KEY,
        ordered=_ORDERED,
        secret=_SECRET,
    )


@dataclass
class ChangeWebhookOperation(Documented):
    more_parameters = (ONCE,)
    body = json_body(
        {"types": ["incident.*", "job.failed.v1"]},
        url=_URL,
        description=_DESCRIPTION,
        types=_TYPES,
        processKey=_PROCESS_KEY,
        ordered=_ORDERED,
    )


@dataclass
class RotateSecretOperation(Documented):
    more_parameters = (ONCE,)
    body = replace(
        json_body(
            {"overlapSeconds": 3600},
            overlapSeconds=Schema(
                type=OpenAPIType.INTEGER,
                minimum=0,
                maximum=webhook_fields.LONGEST_OVERLAP,
                default=webhook_fields.DEFAULT_OVERLAP,
                description="seconds for which the secret before goes on signing as well",
            ),
            secret=_SECRET,
        ),
        required=False,
    )


@dataclass
class WriteOperation(Documented):
    more_parameters = (ONCE,)


@dataclass
class DeleteOperation(WriteOperation):
    def __post_init__(self) -> None:
        super().__post_init__()
        done = (self.responses or {})["204"]
        if isinstance(done, OpenAPIResponse):
            done.content = None  # Litestar documents a body


@dataclass
class ReplayOperation(Documented):
    more_parameters = (ONCE,)
    body = json_body(
        {"after": 1000, "upto": 1200},
        ["upto"],
        after=Schema(type=OpenAPIType.INTEGER, minimum=0, maximum=INT64_MAX, default=0),
        upto=Schema(
            type=OpenAPIType.INTEGER,
            minimum=1,
            maximum=INT64_MAX,
            description="the last position, greater than `after` and none that is still to come",
        ),
    )


_POSITION = Parameter(
    name="minPosition",
    param_in="query",
    schema=Schema(type=OpenAPIType.INTEGER, minimum=0, maximum=INT64_MAX, examples=[0]),
    description="wait for this position only, rather than for the whole log",
    required=False,
)


@dataclass
class ShowOperation(Documented):
    more_parameters = (_POSITION,)


@dataclass
class ListWebhooksOperation(Documented):
    more_parameters = (
        number_parameter("limit", "webhooks of the page", DEFAULT_LIMIT, 1, MOST_LISTED),
        text_parameter("cursor", "those behind this page: its `next`", "A" * 80),
        _POSITION,
    )


@dataclass
class ListDeliveriesOperation(Documented):
    more_parameters = (
        word_parameter("state", "deliveries in this state only", STATES),
        number_parameter("limit", "deliveries of the page", DEFAULT_LIMIT, 1, MOST_LISTED),
        number_parameter("before", "those with a `sequence` below this one", None, 1, INT64_MAX, example=100),
        _POSITION,
    )
