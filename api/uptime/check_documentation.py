"""How the operations on checks are documented."""

from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIFormat, OpenAPIType, Schema

from api.incidents.documentation import ONCE, Documented, body_of, json_body
from api.uptime.documentation import PAGING
from commands.check_fields import (
    FAILURES,
    INTERVAL,
    LATENCY,
    LONGEST_KEYWORD,
    LONGEST_NAME,
    LONGEST_TARGET,
    SLOW,
    STATUS,
    TIMEOUT,
    TYPES,
)
from commands.check_results import MOST_RESULTS
from commands.checks import MOST_CHECKS
from commands.incident_fields import LONGEST_MESSAGE, LONGEST_REGION, MOST_REGIONS
from domain.rejection import Cause, InvalidInput, InvalidState, NotFound

NO_CHECK = NotFound("failed to find check", "check chk_01JDZZZZZZZZZZZZZZZZZZZZZZ could not be found")
TOO_MANY = InvalidState("failed to create check", f"the tenant has {MOST_CHECKS} checks already")
PAUSED = InvalidState("failed to report results", "check chk_01JDZZZZZZZZZZZZZZZZZZZZZZ is paused")
BAD_CHECK = InvalidInput(
    "failed to create check",
    "fields are invalid",
    [Cause("#/interval_seconds", "range", "must be a number from 30 to 86400")],
)
BAD_RESULT = InvalidInput(
    "failed to report results", "fields are invalid", [Cause("#/type", "required", "is required")]
)


def _text(longest: int) -> Schema:
    return Schema(type=OpenAPIType.STRING, min_length=1, max_length=longest)


def _number(bounds: tuple[int, int], default: int | None = None) -> Schema:
    least, most = bounds
    return Schema(type=OpenAPIType.INTEGER, minimum=least, maximum=most, default=default)


_SETTINGS = {
    "name": _text(LONGEST_NAME),
    "type": Schema(type=OpenAPIType.STRING, enum=list(TYPES)),
    "target_url": _text(LONGEST_TARGET),
    "interval_seconds": _number(INTERVAL, 60),
    "timeout_ms": _number(TIMEOUT, 10_000),
    "expected_status": _number(STATUS),
    "keyword": _text(LONGEST_KEYWORD),
    "slow_threshold_ms": _number(SLOW),
    "regions": Schema(type=OpenAPIType.ARRAY, items=_text(LONGEST_REGION), max_items=MOST_REGIONS),
}

_RESULT = Schema(
    type=OpenAPIType.OBJECT,
    required=["region", "ok"],
    additional_properties=False,
    properties={
        "region": _text(LONGEST_REGION),
        "ok": Schema(type=OpenAPIType.BOOLEAN),
        "type": Schema(
            type=OpenAPIType.STRING, enum=list(FAILURES), description="required where `ok` is false, and only there"
        ),
        "message": Schema(type=OpenAPIType.STRING, max_length=LONGEST_MESSAGE),
        "latency_ms": Schema(type=OpenAPIType.NUMBER, minimum=LATENCY[0], maximum=LATENCY[1]),
        "observed_at": Schema(
            description="ISO 8601 or epoch milliseconds, at most a minute ahead; default now",
            one_of=[
                Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME),
                Schema(type=OpenAPIType.INTEGER, minimum=0),
            ],
        ),
    },
)


@dataclass
class ListChecksOperation(Documented):
    more_parameters = PAGING


@dataclass
class CreateCheckOperation(Documented):
    more_parameters = (ONCE,)
    body = json_body(
        {"name": "Shop", "type": "http", "target_url": "https://shop.example.org/", "regions": ["eu-west", "us-east"]},
        ("name", "type", "target_url"),
        **_SETTINGS,
    )


@dataclass
class ChangeCheckOperation(Documented):
    more_parameters = (ONCE,)
    body = json_body(
        {"interval_seconds": 300, "paused": True}, (), **_SETTINGS, paused=Schema(type=OpenAPIType.BOOLEAN)
    )


@dataclass
class DeleteCheckOperation(Documented):
    more_parameters = (ONCE,)


@dataclass
class ReportResultsOperation(Documented):
    more_parameters = (ONCE,)
    body = body_of(
        Schema(one_of=[_RESULT, Schema(type=OpenAPIType.ARRAY, items=_RESULT, min_items=1, max_items=MOST_RESULTS)]),
        {"region": "eu-west", "ok": True, "latency_ms": 183},
        [
            {"region": "eu-west", "ok": False, "type": "timeout", "message": "no answer within 10 s"},
            {"region": "us-east", "ok": False, "type": "timeout", "observed_at": "2026-11-20T10:00:01Z"},
        ],
    )
