"""From a refusal to ``application/problem+json``: the one place that knows HTTP's codes (contracts/engine.md 1.4)."""

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Literal, NamedTuple

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import (
    HTTPException,
    InternalServerException,
    MethodNotAllowedException,
    NotAuthorizedException,
    NotFoundException,
)

from api.answers import json_bytes
from api.refusals import (
    InvalidAddress,
    InvalidApiKey,
    InvalidBody,
    InvalidSignature,
    MethodNotAllowed,
    TooManyRequests,
    Unauthorized,
    UnknownPath,
    UnsupportedMediaType,
)
from domain.identity import Int32
from domain.rejection import (
    ExecutionFailed,
    Forbidden,
    InvalidInput,
    InvalidModel,
    InvalidState,
    NotFound,
    Rejection,
    ReusedKey,
    Unavailable,
)
from infra.codec import unknown_topic
from infra.outages import passes

#: What Litestar says when a client goes away inside its body: nobody hears the answer, and nothing of ours has failed.
GONE = "client disconnected prematurely"

PROBLEM_TYPE = "application/problem+json"

#: Seconds after which a client may try again what could not be answered in time, where the refusal knows none.
RETRY_AFTER = 1

log = structlog.get_logger(__name__)


class Error(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of several reasons: ``pointer`` says where, ``type`` of which kind."""

    pointer: str
    type: str
    detail: str
    value: str = ""


#: The contract's types, and ours beyond them at the end. Nothing here raises ``BUG`` or ``QUERY``.
ProblemType = Literal[
    "HTTP_MEDIA_TYPE",
    "HTTP_REQUEST_BODY",
    "HTTP_REQUEST_URI",
    "BUG",
    "CONFLICT",
    "EXECUTION",
    "NOT_FOUND",
    "PROCESS_MODEL",
    "QUERY",
    "UNKNOWN",
    "VALIDATION",
    "UNAUTHORIZED",
    "FORBIDDEN",
    "METHOD_NOT_ALLOWED",
    "TOO_MANY_REQUESTS",
    "UNAVAILABLE",
]


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a request was refused."""

    status: Int32
    type: ProblemType
    title: str
    detail: str
    errors: tuple[Error, ...] = ()


class Kind(NamedTuple):
    """How a class of refusals is told: HTTP's status, the contract's type, headers that belong to it."""

    status: HTTPStatus
    type: ProblemType
    headers: Callable[[Any], Mapping[str, str]] = lambda _: {}


_UNAUTHORIZED = Kind(HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED", lambda refusal: {"WWW-Authenticate": refusal.challenge})

KINDS: Mapping[type[Rejection], Kind] = {
    InvalidInput: Kind(HTTPStatus.BAD_REQUEST, "VALIDATION"),
    InvalidBody: Kind(HTTPStatus.BAD_REQUEST, "HTTP_REQUEST_BODY"),
    InvalidAddress: Kind(HTTPStatus.BAD_REQUEST, "HTTP_REQUEST_URI"),
    UnsupportedMediaType: Kind(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "HTTP_MEDIA_TYPE"),
    InvalidModel: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "PROCESS_MODEL"),
    ReusedKey: Kind(HTTPStatus.CONFLICT, "CONFLICT"),
    ExecutionFailed: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "EXECUTION"),
    NotFound: Kind(HTTPStatus.NOT_FOUND, "NOT_FOUND"),
    UnknownPath: Kind(HTTPStatus.NOT_FOUND, "NOT_FOUND"),
    MethodNotAllowed: Kind(
        HTTPStatus.METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", lambda refusal: {"Allow": refusal.allow}
    ),
    InvalidState: Kind(HTTPStatus.CONFLICT, "CONFLICT"),
    Unauthorized: _UNAUTHORIZED,
    InvalidSignature: _UNAUTHORIZED,
    InvalidApiKey: _UNAUTHORIZED,
    Forbidden: Kind(HTTPStatus.FORBIDDEN, "FORBIDDEN"),
    TooManyRequests: Kind(
        HTTPStatus.TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", lambda refusal: {"Retry-After": str(refusal.retry_after)}
    ),
    Unavailable: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "UNAVAILABLE",
        lambda refusal: {"Retry-After": str(getattr(refusal, "retry_after", RETRY_AFTER))},
    ),
}

UNEXPECTED = Problem(
    HTTPStatus.INTERNAL_SERVER_ERROR, "UNKNOWN", title="unexpected error occurred", detail="see server logs"
)


def kind_of(refusal: type[Rejection]) -> Kind:
    """Return how a refusal is told: as its nearest ancestor in the table."""
    return next(KINDS[ancestor] for ancestor in refusal.__mro__ if ancestor in KINDS)


def problem_of(refusal: Rejection) -> Problem:
    """Return the body that tells a refusal."""
    kind = kind_of(type(refusal))
    errors = tuple(Error(*cause) for cause in refusal.causes)
    return Problem(kind.status, kind.type, refusal.title, refusal.detail, errors)


def refusal_in(request: Request[Any, Any, Any], error: Exception) -> Rejection | None:
    """Return the refusal that an error stands for, wherever it arose; None when nobody foresaw it."""
    if isinstance(error, Rejection):
        return error
    if isinstance(error, HTTPException):
        return _refusal_of_litestar(request, error)
    if passes(error):
        return Unavailable("failed to handle request", "the database cannot be reached")
    if (unknown := unknown_topic(error)) is not None:
        return Unavailable("failed to handle request", str(unknown))  # a node of a newer release can
    return None


def _refusal_of_litestar(request: Request[Any, Any, Any], error: HTTPException) -> Rejection | None:
    """Say in our words what Litestar refuses before a route is reached."""
    match error:
        case NotFoundException():
            return UnknownPath(request.scope["path"])
        case MethodNotAllowedException():
            allowed = _header(error, "allow").split(", ")
            return MethodNotAllowed(request.method, ", ".join(sorted(allowed)))
        case NotAuthorizedException():
            return Unauthorized(error.detail, _header(error, "WWW-Authenticate"))
        case InternalServerException(detail=detail) if detail == GONE:
            return InvalidBody("it ends before its end")
        case HTTPException(status_code=status) if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return InvalidInput("invalid request", error.detail)
    return None


def _as_told(problem: Problem, _refusal: Rejection | None) -> int:
    return problem.status


class ErrorForm(NamedTuple):
    """How a dialect tells a problem: the media type, the body, and HTTP's status where that is another one.

    The refusal behind it, None for an error that nobody foresaw, may know more than the problem says.
    """

    media_type: str
    body: Callable[[Problem, Rejection | None], Any]
    status: Callable[[Problem, Rejection | None], int] = _as_told


PROBLEM_JSON = ErrorForm(PROBLEM_TYPE, lambda problem, _refusal: problem)


def error_handler(form_at: Callable[[str], ErrorForm]) -> Callable[[Request[Any, Any, Any], Any], Response[bytes]]:
    """Return the handler of all errors; ``form_at`` knows in which form a path's dialect tells them."""

    def tell(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        path = request.scope["path"]
        form, refusal = form_at(path), refusal_in(request, error)
        if refusal is None:
            log.error("request failed", method=request.method, path=path, exc_info=error)
            return _response(form, UNEXPECTED, None)
        if isinstance(refusal, Unavailable):
            log.warning("request refused", method=request.method, path=path, reason=refusal.detail)
        return _response(form, problem_of(refusal), refusal)

    return tell


def _response(form: ErrorForm, problem: Problem, refusal: Rejection | None) -> Response[bytes]:
    headers = kind_of(type(refusal)).headers(refusal) if refusal is not None else {}
    body, status = json_bytes(form.body(problem, refusal)), form.status(problem, refusal)
    return Response(body, status_code=status, media_type=form.media_type, headers=dict(headers))


def _header(error: HTTPException, name: str) -> str:
    return next((value for key, value in _headers(error) if key.lower() == name.lower()), "")


def _headers(error: HTTPException) -> Iterator[tuple[str, str]]:
    return iter((error.headers or {}).items())
