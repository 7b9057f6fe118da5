"""Answers of alerts: JSON, with the position of the log that they reflect."""

from typing import Any

from litestar import Response

from api.answers import json_bytes
from api.incidents.documentation import POSITION


def answer(body: Any, position: int, status: int = 200) -> Response[Any]:
    """Return an answer."""
    headers = {POSITION.name: str(position)}
    return Response(json_bytes(body), status_code=status, media_type="application/json", headers=headers)
