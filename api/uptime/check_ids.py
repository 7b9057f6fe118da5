"""Ids of checks as clients see them: ``chk_<ULID>``."""

from api.incidents.requests import ulid_of

CHECK_PREFIX = "chk_"


def check_ulid(check_id: str) -> str | None:
    """Return the ULID in ``chk_<ULID>``; None for what is no such id."""
    return ulid_of(check_id, CHECK_PREFIX)


def check_id_of(ulid: str) -> str:
    """Return the public id of a check."""
    return CHECK_PREFIX + ulid
