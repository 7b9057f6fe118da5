"""How the administration's requests are documented; how they are read is in ``commands.access``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example, OpenAPIMediaType, OpenAPIResponse, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType

from api.problems import Problem
from commands.access_fields import LABEL_LENGTH, LONGEST_TIMEOUT_MINUTES, TENANT_ID
from domain.access.roles import ENTITLEMENTS, PLANS, ROLES

_TENANT_ID = Schema(type=OpenAPIType.STRING, pattern=TENANT_ID, description="Lower-case letters, digits, hyphens.")
_LABEL = Schema(type=OpenAPIType.STRING, min_length=1, max_length=LABEL_LENGTH)
_PLAN = Schema(type=OpenAPIType.STRING, enum=list(PLANS))
_ROLE = Schema(type=OpenAPIType.STRING, enum=list(ROLES))
_ENTITLEMENTS = Schema(
    type=OpenAPIType.ARRAY,
    items=Schema(type=OpenAPIType.STRING, enum=list(ENTITLEMENTS)),
    description="Granted beyond what the plan brings.",
)

_TIMEOUT = Schema(
    type=[OpenAPIType.INTEGER, OpenAPIType.NULL],
    minimum=0,
    maximum=LONGEST_TIMEOUT_MINUTES,
    description="Minutes until an acknowledged incident that nobody takes further is open again; 0 or null: never.",
)


def _body(example: Mapping[str, Any], required: list[str], **properties: Schema) -> RequestBody:
    schema = Schema(
        type=OpenAPIType.OBJECT, properties=dict(properties), required=required or None, additional_properties=False
    )
    media_type = OpenAPIMediaType(schema=schema, examples={"example": Example(value=dict(example))})
    return RequestBody(content={"application/json": media_type}, required=True)


@dataclass
class RegisterTenantOperation(Operation):
    def __post_init__(self) -> None:
        self.request_body = _body(
            {"id": "acme", "name": "Acme Ltd", "plan": "pro", "entitlements": ["analytics"]},
            ["id", "name", "plan"],
            id=_TENANT_ID,
            name=_LABEL,
            plan=_PLAN,
            entitlements=_ENTITLEMENTS,
        )


@dataclass
class ChangeTenantOperation(Operation):
    def __post_init__(self) -> None:
        self.request_body = _body(
            {"plan": "enterprise", "acknowledgementTimeoutMinutes": 30},
            [],
            plan=_PLAN,
            entitlements=_ENTITLEMENTS,
            acknowledgementTimeoutMinutes=_TIMEOUT,
        )


@dataclass
class IssueKeyOperation(Operation):
    def __post_init__(self) -> None:
        self.request_body = _body(
            {"tenantId": "acme", "role": "worker", "name": "invoice robot"},
            ["tenantId", "role", "name"],
            tenantId=_TENANT_ID,
            role=_ROLE,
            name=_LABEL,
        )


@dataclass
class RevokeKeyOperation(Operation):
    def __post_init__(self) -> None:
        done = (self.responses or {})["204"]
        if isinstance(done, OpenAPIResponse):
            done.content = None  # Litestar documents a body


_REFUSALS = {
    400: "The request cannot be read, or fields of it are wrong.",
    401: "No valid credential came with the request.",
    403: "The caller's role does not allow it.",
    404: "There is nothing of that id that the caller may see.",
    409: "The id is taken.",
    415: "The body is not JSON.",
    503: "The log cannot be reached in time.",
}


def refuses(*statuses: int) -> dict[int, ResponseSpec]:
    """Document the problems that an operation answers with, beside those that all of them have."""
    return {
        status: ResponseSpec(Problem, generate_examples=False, description=_REFUSALS[status], media_type=_PROBLEM)
        for status in sorted({*statuses, 401, 403, 503})
    }


_PROBLEM: Any = "application/problem+json"
