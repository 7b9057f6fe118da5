"""Answers of the APIs about incidents: JSON, with the position of the log that they reflect."""

from typing import Any

from litestar import Response

from api.answers import json_bytes
from api.incidents.documentation import POSITION


def answered(body: Any, position: int, status: int = 200) -> Response[Any]:
    """Answer with a body that becomes JSON; position 0 is none, and is not told."""
    headers = {POSITION.name: str(position)} if position else {}
    return Response(json_bytes(body), status_code=status, media_type="application/json", headers=headers)
