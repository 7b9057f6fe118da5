"""How the feed tells errors: ``{"error": <code>, "message": <text>}`` (contracts/incidents.md 0.6, 2.7)."""

from collections.abc import Mapping, Sequence

import msgspec

from api.problems import Error, ErrorForm, Problem
from api.refusals import InvalidApiKey, InvalidSignature, UnknownPath
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

#: Of refusals that have a code of their own.
OWN_CODES: Mapping[type[Rejection | None], str] = {
    UnknownPath: "not_found",
    InvalidSignature: "invalid_signature",
    InvalidApiKey: "invalid_api_key",
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
    code = OWN_CODES.get(type(refusal)) or CODES.get(problem.status, "internal_error")
    details = AllowedMoves(refusal.allowed) if isinstance(refusal, RefusedMove) else None
    return FeedError(code, _message(problem), details)


def _message(problem: Problem) -> str:
    """Name each place where something is wrong, once."""
    match problem.errors:
        case ():
            return problem.detail
        case (misfit,) if misfit.detail == problem.detail:
            return f"{_place(misfit)}: {misfit.detail}"
        case (wrong,) if problem.detail.endswith(wrong.detail):
            return f"{_place(wrong)} {wrong.detail}"
        case errors:
            return f"{problem.detail}: " + "; ".join(f"{_place(error)} {error.detail}" for error in errors)


def _place(error: Error) -> str:
    return error.pointer.lstrip("#/?")


FEED_FORM = ErrorForm("application/json", _told)
