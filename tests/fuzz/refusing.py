"""What a refusal looks like, by where it was asked for (contracts/incidents.md 0.6, error forms)."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from tests.fuzz.target import Reply


class Form(NamedTuple):
    """How errors are told: the media type, the members that a body has, and those that it may have."""

    media_type: str
    members: AbstractSet[str]
    more: AbstractSet[str] = frozenset()


PROBLEM = Form("application/problem+json", {"status", "type", "title", "detail"}, {"errors"})
FORMS: Mapping[str, Form] = {
    "/v1": Form("application/json", {"error", "message"}, {"details"}),
    "/api/alerts": Form("application/json", {"error"}),
    "/api/incidents": Form("application/json", {"success", "error"}),
    "/api/checks": Form("application/json", {"success", "error"}),
}


def form_at(path: str) -> Form:
    """Return the form at a path as it is meant, without escapes."""
    return next((form for base, form in FORMS.items() if path == base or path.startswith(f"{base}/")), PROBLEM)


def is_told(reply: Reply, path: str) -> bool:
    """Tell whether a refusal is in the form of the dialect that speaks at a path."""
    form = form_at(path)
    if reply.headers.get("content-type") != form.media_type:
        return False
    told: Any = reply.told
    return form.members <= set(told) <= form.members | form.more
