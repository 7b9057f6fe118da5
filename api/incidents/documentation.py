"""How operations of the APIs about incidents are documented. Their parameters and bodies are read by hand.

Parameters are read after the credential has been looked at, and bodies in each dialect's own words of refusal, so that
Litestar knows of neither; what it knows, the parameters in the path, is kept.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from litestar.datastructures import ResponseHeader
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example, OpenAPIMediaType, OpenAPIType, Operation, Parameter, RequestBody, Schema

from api.incidents.parameters import LONGEST
from api.problems import ErrorForm, problem_of
from api.refusals import TooManyRequests, Unauthorized, UnsupportedMediaType
from domain.rejection import Forbidden, NotFound, Rejection, ReusedKey, Unavailable

POSITION = ResponseHeader(
    name="Annals-Position", documentation_only=True, description="position of the log that the answer reflects"
)

#: Of operations that write.
ONCE = Parameter(
    name="Idempotency-Key",
    param_in="header",
    schema=Schema(type=OpenAPIType.STRING),
    required=False,
    description="a request under a key that was used before is not handled again: its first answer is given again",
)

#: An incident in examples.
INCIDENT = "inc_01JD8QZ2N3W4X5Y6Z7A8B9C0D1"

#: What any of these APIs may refuse, as it is said.
NOBODY = Unauthorized("a valid API key or token is required", "")
NOT_ALLOWED = Forbidden("access denied", "role viewer does not allow this")
NO_INCIDENT = NotFound("failed to find incident", f"incident {INCIDENT} could not be found")
REUSED = ReusedKey("idempotency key was used before", "it came with a different request then")
NO_JSON = UnsupportedMediaType("text/plain")
BUSY = TooManyRequests("only 600 requests a minute are allowed", 17)
BEHIND = Unavailable("failed to query", "read model incident_list is at position 4710, asked for is 4711")
USUAL = (NOBODY, NOT_ALLOWED, NO_INCIDENT, REUSED, NO_JSON, BUSY, BEHIND)


@dataclass
class Documented(Operation):
    """An operation with more parameters than those in its path, and with a body that has an example."""

    more_parameters: ClassVar[Sequence[Parameter]] = ()
    body: ClassVar[RequestBody | None] = None

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or ()), *self.more_parameters]
        self.request_body = self.body or self.request_body


def text_parameter(name: str, description: str, example: str) -> Parameter:
    schema = Schema(type=OpenAPIType.STRING, min_length=1, max_length=LONGEST, examples=[example])
    return Parameter(name=name, param_in="query", schema=schema, description=description, required=False)


def word_parameter(name: str, description: str, words: Collection[str]) -> Parameter:
    """Return a parameter that is one of these words."""
    schema = Schema(type=OpenAPIType.STRING, enum=list(words), examples=[next(iter(words))])
    return Parameter(name=name, param_in="query", schema=schema, description=description, required=False)


def number_parameter(
    name: str, description: str, default: int | None, least: int, most: int, example: int | None = None
) -> Parameter:
    """Return a parameter that is a whole number within bounds, the least and the most included."""
    examples = [default if example is None else example]
    schema = Schema(type=OpenAPIType.INTEGER, minimum=least, maximum=most, default=default, examples=examples)
    return Parameter(name=name, param_in="query", schema=schema, description=description, required=False)


def json_body(example: Mapping[str, Any], required: Sequence[str] = (), **properties: Schema) -> RequestBody:
    """Return a body that is an object with these members and no others."""
    schema = Schema(
        type=OpenAPIType.OBJECT,
        properties=dict(properties),
        required=list(required) or None,
        additional_properties=False,
    )
    return body_of(schema, example)


def body_of(schema: Schema, *examples: Any) -> RequestBody:
    """Return a body of any shape."""
    shown = {f"example{number}": Example(value=example) for number, example in enumerate(examples, 1)}
    media_type = OpenAPIMediaType(schema=schema, examples=dict(shown))
    return RequestBody(content={"application/json": media_type}, required=True)


def refusals(form: ErrorForm, *examples: Rejection) -> dict[int, ResponseSpec]:
    """Document refusals by an example of each status, told as the dialect tells it; of several the last one counts."""
    return dict(_refusal(form, refusal) for refusal in examples)


def _refusal(form: ErrorForm, refusal: Rejection) -> tuple[int, ResponseSpec]:
    problem = problem_of(refusal)
    body = form.body(problem, refusal)
    spec = ResponseSpec(
        type(body),
        generate_examples=False,
        description=problem.title,
        media_type=form.media_type,
        examples=[Example(value=msgspec.to_builtins(body))],
    )
    return int(form.status(problem, refusal)), spec
