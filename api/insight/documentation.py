"""How the views are documented. Their parameters are read by hand, after the credential has been looked at."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from litestar.datastructures import ResponseHeader
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIType, Operation, Parameter, Schema

from api.problems import ErrorForm


class Refusal(msgspec.Struct, frozen=True):
    """Why a request was refused."""

    message: str


#: Every error of this dialect.
MESSAGE = ErrorForm("application/json", lambda problem, _refusal: Refusal(problem.detail))

_REFUSALS = {
    400: "A parameter is missing or cannot be read.",
    401: "No valid credential came with the request.",
    403: "The tenant's plan does not include analytics.",
    503: "The read model is behind, or the database cannot be reached; `Retry-After` says when to try again.",
}

REFUSALS: Mapping[int, ResponseSpec] = {
    status: ResponseSpec(Refusal, generate_examples=False, description=why) for status, why in _REFUSALS.items()
}

POSITION = ResponseHeader(
    name="Annals-Position", documentation_only=True, description="position of the log that the answer reflects"
)


def _text(name: str, description: str, example: str, *, required: bool = False) -> Parameter:
    schema = Schema(type=OpenAPIType.STRING, examples=[example], min_length=1 if required else None)
    return Parameter(name=name, param_in="query", schema=schema, description=description, required=required)


def _number(name: str, description: str, example: int, *, required: bool = False) -> Parameter:
    schema = Schema(type=OpenAPIType.INTEGER, minimum=0, examples=[example])
    return Parameter(name=name, param_in="query", schema=schema, description=description, required=required)


_PROCESS_KEY = _text("processKey", "BPMN process id", "order", required=True)
_VERSION = _text("version", "version of the process, compared as text", "1", required=True)
_RANGE = (
    _text("startDate", "ISO 8601, included; UTC without a zone; a bare date is the beginning of its day", "2026-11-01"),
    _text(
        "endDate", "ISO 8601, included; UTC without a zone; a bare date is the end of its day", "2026-11-30T23:59:59Z"
    ),
)
_RANKS = (
    _number("minResults", "rows of a rank greater than this; the newest has rank 1", 0, required=True),
    _number("maxResults", "rows up to this rank, at most 1,000 more than minResults", 20, required=True),
)
_MIN_POSITION = _number("minPosition", "wait for this position of the log, not for all that was written before", 1)


@dataclass
class OfProcess(Operation):
    def __post_init__(self) -> None:
        self.parameters = [_PROCESS_KEY, _MIN_POSITION]


@dataclass
class OfVersion(Operation):
    def __post_init__(self) -> None:
        self.parameters = [_PROCESS_KEY, _VERSION, *_RANGE, _MIN_POSITION]


@dataclass
class OfRanks(Operation):
    def __post_init__(self) -> None:
        self.parameters = [_PROCESS_KEY, _VERSION, *_RANKS, *_RANGE, _MIN_POSITION]
