"""Rules of the fields in commands about tenants and keys; each yields at most one cause a field.

The words of the rules are those of the engine's (contracts/engine.md 1.4).
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from domain.access.roles import ENTITLEMENTS, PLANS, ROLES
from domain.rejection import Cause

LABEL_LENGTH = 200
MOST_ENTITLEMENTS = 100
#: Thirty days.
LONGEST_TIMEOUT_MINUTES = 43_200
TENANT_ID = r"^[a-z0-9][a-z0-9-]{0,62}$"

_TENANT_ID = re.compile(TENANT_ID.replace("$", r"\Z"))


def is_tenant_id(text: str) -> bool:
    return _TENANT_ID.match(text) is not None


def required_tenant_id(pointer: str, text: str) -> Iterator[Cause]:
    if not text:
        yield Cause(pointer, "required", "is required")
    elif not is_tenant_id(text):
        yield Cause(pointer, "tenant_id", f"must match regex {TENANT_ID}", text)


def label(pointer: str, text: str) -> Iterator[Cause]:
    """Require a name for people: 1 to 200 characters, none of them a control character."""
    if not text.strip():
        yield Cause(pointer, "required", "is required")
    elif len(text) > LABEL_LENGTH:
        yield Cause(pointer, "max", f"exceeds a maximum of {LABEL_LENGTH}", text[:LABEL_LENGTH])
    elif any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        yield Cause(pointer, "printable", "must not contain control characters")


def known_plan(plan: str) -> Iterator[Cause]:
    yield from _one_of("#/plan", plan, PLANS)


def known_role(role: str) -> Iterator[Cause]:
    yield from _one_of("#/role", role, ROLES)


def granted(entitlements: Sequence[str]) -> Iterator[Cause]:
    if len(entitlements) > MOST_ENTITLEMENTS:
        yield Cause("#/entitlements", "max", f"exceeds a maximum of {MOST_ENTITLEMENTS}")
        return
    for index, entitlement in enumerate(entitlements):
        yield from _one_of(f"#/entitlements/{index}", entitlement, ENTITLEMENTS)


def timeout_minutes(minutes: int) -> Iterator[Cause]:
    if not 0 <= minutes <= LONGEST_TIMEOUT_MINUTES:
        reason = f"must be a number of minutes from 0 to {LONGEST_TIMEOUT_MINUTES}"
        yield Cause("#/acknowledgementTimeoutMinutes", "range", reason, str(minutes)[:20])


def _one_of(pointer: str, word: str, words: Sequence[str]) -> Iterator[Cause]:
    if not word:
        yield Cause(pointer, "required", "is required")
    elif word not in words:
        yield Cause(pointer, "oneof", f"must be one of {', '.join(words)}", word)
