"""The URL under which a client asks, for links in answers. It is what the client says it is, in the header Host."""

import re
from typing import Any

from litestar import Request

from api.incidents.parameters import invalid

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?", re.ASCII)


def base_url(request: Request[Any, Any, Any]) -> str:
    """Return it without a slash at its end; raise ``InvalidAddress`` where Host is no host."""
    host = request.headers.get("host", "")
    if host and not _HOST.fullmatch(host):
        raise invalid("Host", "must be a host, with a port at most")
    try:
        return str(request.base_url).rstrip("/")
    except ValueError as error:
        raise invalid("Host", "must have a port from 0 to 65535") from error
