"""How the feed tells errors: ``{"error": <code>, "message": <text>}`` (contracts/incidents.md 0.6, 2.7)."""

from collections.abc import Mapping, Sequence

import msgspec

from api.problems import Error, ErrorForm, Problem
from api.refusals import UnknownPath
from domain.incidents.dialects import RefusedMove
from domain.rejection import Rejection

#: By HTTP status.
CODES: Mapping[int, str] = {
    400: "validation_error",
    401: "unauthorized",
    403: "forbidden",
    404: "incident_not_found",
    405: "method_not_allowed",
    409: "invalid_transition",
    415: "validation_error",
    429: "rate_limit_exceeded",
    500: "internal_error",
    503: "unavailable",
}


class AllowedMoves(msgspec.Struct, frozen=True):
    """The statuses that may follow now, in order of the life cycle."""

    allowed: Sequence[str]


class FeedError(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a request was refused; ``details`` come with moves that are not allowed."""

    error: str
    message: str
    details: AllowedMoves | None = None


def _told(problem: Problem, refusal: Rejection | None) -> FeedError:
    code = "not_found" if isinstance(refusal, UnknownPath) else CODES.get(problem.status, "internal_error")
    details = AllowedMoves(refusal.allowed) if isinstance(refusal, RefusedMove) else None
    return FeedError(code, _message(problem), details)


def _message(problem: Problem) -> str:
    """Name each place where something is wrong, once."""
    reasons = "; ".join(f"{_place(error)} {error.detail}" for error in problem.errors)
    if not reasons:
        return problem.detail
    return reasons if problem.detail.endswith(problem.errors[0].detail) else f"{problem.detail}: {reasons}"


def _place(error: Error) -> str:
    return error.pointer.lstrip("#/?")


FEED_FORM = ErrorForm("application/json", _told)
