"""How the feed tells errors: ``{"error": <code>, "message": <text>}`` (contracts/incidents.md 0.6, 2.7)."""

from collections.abc import Mapping

import msgspec

from api.problems import ErrorForm, Problem
from api.refusals import UnknownPath
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


class FeedError(msgspec.Struct, frozen=True):
    """Why a request was refused."""

    error: str
    message: str


def _told(problem: Problem, refusal: Rejection | None) -> FeedError:
    code = "not_found" if isinstance(refusal, UnknownPath) else CODES.get(problem.status, "internal_error")
    reasons = "; ".join(f"{error.pointer.lstrip('#/?')} {error.detail}" for error in problem.errors)
    return FeedError(code, f"{problem.detail}: {reasons}" if reasons else problem.detail)


FEED_FORM = ErrorForm("application/json", _told)
