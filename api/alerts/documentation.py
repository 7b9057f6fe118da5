"""How the operations of alerts are documented: their parameters, bodies and refusals."""

from collections.abc import Mapping
from dataclasses import dataclass

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIType, Schema

from api.alerts.bodies import DEFAULT_LIMIT, LONGEST_NOTE, MOST_INCIDENTS
from api.alerts.errors import ALERTS_FORM
from api.incidents.documentation import (
    ONCE,
    USUAL,
    Documented,
    json_body,
    number_parameter,
    refusals,
    text_parameter,
    word_parameter,
)
from api.refusals import InvalidBody
from domain.identity import INT32_MAX
from domain.incidents.dialects import ALERTS, RefusedMove

_REFUSALS: Mapping[int, ResponseSpec] = refusals(ALERTS_FORM, InvalidBody("note content is required"), *USUAL)


def refused_with(*statuses: int) -> dict[int, ResponseSpec]:
    """Return how an operation tells refusals of these statuses."""
    return {status: _REFUSALS[status] for status in statuses}


#: A move that the table does not have.
REFUSED_MOVE = refusals(ALERTS_FORM, RefusedMove("investigating", "open", ("resolved", "closed")))


@dataclass
class ListIncidents(Documented):
    more_parameters = (
        text_parameter("ruleId", "incidents of this rule only", "rule_01JD8QZ2N3W4X5Y6Z7A8B9C0D1"),
        word_parameter("status", "incidents of this status only", ALERTS.words),
        word_parameter("severity", "incidents of this severity only", ALERTS.ranks),
        number_parameter("limit", "incidents of the page", DEFAULT_LIMIT, 1, MOST_INCIDENTS),
        number_parameter("skip", "incidents to pass over", 0, 0, INT32_MAX),
    )


@dataclass
class MoveAlertIncident(Documented):
    more_parameters = (ONCE,)
    body = json_body(
        {"status": "acknowledged"}, ["status"], status=Schema(type=OpenAPIType.STRING, enum=list(ALERTS.words))
    )


@dataclass
class NoteOnAlertIncident(Documented):
    more_parameters = (ONCE,)
    body = json_body(
        {"content": "The provider confirmed an outage."},
        ["content"],
        content=Schema(type=OpenAPIType.STRING, min_length=1, max_length=LONGEST_NOTE, description="not blank"),
    )
