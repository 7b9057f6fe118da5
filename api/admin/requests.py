"""What requests to the administration have in common: their bodies, who administers, and how answers are made."""

from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.datastructures import State

from api.engine.decoding import decode
from api.media_types import require_json
from commands.access import Administrator
from commands.handling import Outcome
from domain.access.caller import Caller
from domain.access.roles import DEFAULT_TENANT

Body = TypeVar("Body", bound=msgspec.Struct)
AdminRequest = Request[Caller, Any, State]

POSITION = "Annals-Position"


async def body_of(request: AdminRequest, kind: type[Body]) -> Body:
    """Return the body, of this shape; raise ``InvalidBody`` or ``UnsupportedMediaType``."""
    require_json(request.headers.get("content-type", ""))
    return decode(await request.body(), kind)


def administrator(caller: Caller) -> Administrator:
    """Return what a caller may administer: the owner of the tenant ``default`` administers the deployment."""
    deployment = caller.tenant == DEFAULT_TENANT and caller.role == "owner"
    return Administrator(caller.tenant, caller.role, deployment)


def answer_of(outcome: Outcome, status: int) -> Response[Any]:
    """Answer with what a command answered, and with its place in the log."""
    headers = {POSITION: str(outcome.position)} if outcome.position else {}
    return Response(outcome.answer, status_code=status, headers=headers)
