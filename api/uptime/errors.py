"""How uptime tells errors: an envelope with a code, a message, and details where there are any (incidents.md 3.7)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from api.problems import Error, ErrorForm, Problem
from domain.incidents.dialects import RefusedMove
from domain.rejection import InvalidState, Rejection

#: By HTTP status.
CODES: Mapping[int, str] = {
    400: "VALIDATION_ERROR",
    401: "AUTHENTICATION_ERROR",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT",
    415: "VALIDATION_ERROR",
    429: "RATE_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "UNAVAILABLE",
}


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """``details`` maps the names of fields to what is wrong with them, or to what is in the way.

    Where a move is not allowed it maps ``allowed`` to those that are.
    """

    code: str
    message: str
    details: Mapping[str, Any] | None = None


class UptimeError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was refused."""

    success: bool = False
    error: ErrorBody


def _told(problem: Problem, refusal: Rejection | None) -> UptimeError:
    details: Mapping[str, Any] | None = None
    if isinstance(refusal, RefusedMove):
        details = {"allowed": refusal.allowed}
    elif isinstance(refusal, InvalidState):
        details = {_name(error): error.value for error in problem.errors} or None
    elif problem.errors:
        details = {_name(error): error.detail for error in problem.errors}
    return UptimeError(error=ErrorBody(CODES.get(problem.status, "INTERNAL_ERROR"), problem.detail, details))


def _name(error: Error) -> str:
    """Return the field or parameter that a pointer leads to."""
    return error.pointer.lstrip("#/?")


UPTIME_FORM = ErrorForm("application/json", _told)
