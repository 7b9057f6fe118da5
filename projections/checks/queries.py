"""What clients of uptime ask about checks: one, some of them, a page of all."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from domain.monitoring.check import CheckStatus, status_of
from domain.monitoring.events import CheckSettings, CheckType
from projections.database import Database, named_queries

SQL = named_queries(Path(__file__).with_name("queries.sql"))

CHECKS, NAMED = (SQL[question].replace("/* standing */", SQL["standing"]) for question in ("checks", "named"))


class ListedCheck(msgspec.Struct, frozen=True):
    """A check as it stands; ``check_id`` is its ULID, ``checked_at`` when its newest result was observed, if ever."""

    check_id: str
    settings: CheckSettings
    status: CheckStatus
    created_at: datetime
    updated_at: datetime
    checked_at: datetime | None


class ProbedCheck(msgspec.Struct, frozen=True):
    """A check of some tenant, as a prober sees it; ``check_id`` is its ULID."""

    check_id: str
    tenant: str
    settings: CheckSettings


class CheckNews(msgspec.Struct, frozen=True):
    """How a check is to be probed since a position of the log; None where it is not, or is deleted."""

    position: int
    check_id: str
    probed: ProbedCheck | None


async def find_check(db: Database, tenant: str, ulid: str) -> ListedCheck | None:
    """Return a check of the tenant that is not deleted."""
    found = await find_checks(db, tenant, (ulid,))
    return found[0] if found else None


async def find_checks(db: Database, tenant: str, ulids: Sequence[str]) -> list[ListedCheck]:
    """Return those of these checks that are the tenant's and not deleted, in the order asked for."""
    rows = await db.fetch(NAMED, tenant, list(ulids))
    found = {row["check_id"]: _check(row) for row in rows}
    return [found[ulid] for ulid in dict.fromkeys(ulids) if ulid in found]


async def list_checks(db: Database, tenant: str, *, limit: int, offset: int) -> list[ListedCheck]:
    """Return a page of the tenant's checks, the newest first."""
    return [_check(row) for row in await db.fetch(CHECKS, tenant, limit, offset)]


async def count_checks(db: Database, tenant: str) -> int:
    """Return how many checks the tenant has."""
    count: int = await db.fetchval(SQL["count"], tenant)
    return count


async def news_of_checks(
    db: Database, region: str, types: Sequence[CheckType], *, after: int, limit: int
) -> list[CheckNews]:
    """Return what is new about checks of all tenants after a position, in order, for a prober of these types there."""
    return [_news(row) for row in await db.fetch(SQL["news"], after, list(types), region, limit)]


def _news(row: Mapping[str, Any]) -> CheckNews:
    check_id = row["check_id"]
    probed = ProbedCheck(check_id, row["tenant"], _settings(row)) if row["settings"] is not None else None
    return CheckNews(row["position"], check_id, probed)


def _check(row: Mapping[str, Any]) -> ListedCheck:
    return ListedCheck(
        check_id=row["check_id"],
        settings=_settings(row),
        status=status_of(paused=row["paused"], down=row["down"], slow=row["slow"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        checked_at=row["checked_at"],
    )


def _settings(row: Mapping[str, Any]) -> CheckSettings:
    return msgspec.json.decode(row["settings"], type=CheckSettings)
