"""What clients send about checks, and how checks are shown to them (contracts/incidents.md 0.6, checks).

Times are shown as epoch milliseconds, as those of incidents are.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from api.incidents.bodies import Form
from api.incidents.ids import CHECK_IDS
from api.uptime.incident_view import milliseconds
from commands.check_results import ReportedResult, ReportResults
from commands.checks import ChangeCheck, CreateCheck
from domain.monitoring.check import CheckStatus
from domain.monitoring.events import CheckSettings, CheckValue
from domain.rejection import Cause, InvalidInput
from domain.timestamps import EPOCH, LATEST_MS, in_utc
from projections.checks.queries import ListedCheck


class CheckForm(Form, frozen=True):
    """``POST /api/checks``."""

    name: str
    type: str
    target_url: str
    interval_seconds: int = 60
    timeout_ms: int = 10_000
    expected_status: int | None = None
    keyword: str | None = None
    slow_threshold_ms: int | None = None
    regions: tuple[str, ...] | None = None


class CheckChangeForm(Form, frozen=True):
    """``PATCH /api/checks/{id}``: null takes away what need not be there."""

    name: str | UnsetType = UNSET
    type: str | UnsetType = UNSET
    target_url: str | UnsetType = UNSET
    interval_seconds: int | UnsetType = UNSET
    timeout_ms: int | UnsetType = UNSET
    expected_status: int | UnsetType | None = UNSET
    keyword: str | UnsetType | None = UNSET
    slow_threshold_ms: int | UnsetType | None = UNSET
    regions: tuple[str, ...] | UnsetType | None = UNSET
    paused: bool | UnsetType = UNSET


class ResultForm(Form, frozen=True):
    """``POST /api/checks/{id}/results``: one of these, or a list. ``observed_at`` is ISO 8601 or epoch milliseconds."""

    region: str
    ok: bool
    type: str | None = None
    message: str | None = None
    latency_ms: float | None = None
    observed_at: datetime | int | None = None


class CheckView(msgspec.Struct, frozen=True):
    """A check; ``last_checked_at`` is when the newest result was observed."""

    id: str
    name: str
    type: str
    target_url: str
    interval_seconds: int
    timeout_ms: int
    expected_status: int | None
    keyword: str | None
    slow_threshold_ms: int | None
    regions: tuple[str, ...]
    status: CheckStatus
    created_at: int
    updated_at: int
    last_checked_at: int | None


class OneCheck(msgspec.Struct, frozen=True):
    check: CheckView


class SeveralChecks(msgspec.Struct, frozen=True):
    checks: list[CheckView]


class Deleted(msgspec.Struct, frozen=True):
    deleted: bool = True


class ResultsTaken(msgspec.Struct, frozen=True):
    """How the check stands after its results, and its unresolved incident, if there is one."""

    check_status: CheckStatus
    incident_id: str | None


def creating(form: CheckForm) -> CreateCheck:
    """Return the command that makes a check; it checks the fields."""
    fields: dict[str, Any] = msgspec.structs.asdict(form)
    fields["regions"] = form.regions or ()
    return CreateCheck(CheckSettings(**fields))


def changing(form: CheckChangeForm) -> ChangeCheck:
    """Return the command that changes a check; it checks the fields."""
    fields: Mapping[str, Any] = msgspec.structs.asdict(form)
    given: dict[str, CheckValue] = {
        name: value for name, value in fields.items() if value is not UNSET and name != "paused"
    }
    if "regions" in given:
        given["regions"] = given["regions"] or ()
    return ChangeCheck(given, None if form.paused is UNSET else form.paused)


def reporting(forms: Sequence[ResultForm]) -> ReportResults:
    """Return the command that reports results; it checks all but whether a moment can be one."""
    wrong = [
        Cause(f"#/{index}/observed_at" if len(forms) > 1 else "#/observed_at", "range", "must be from 1970 to 9999")
        for index, form in enumerate(forms)
        if form.observed_at is not None and _moment(form.observed_at) is None
    ]
    if wrong:
        raise InvalidInput("failed to report results", "fields are invalid", wrong)
    return ReportResults(tuple(map(_result, forms)))


def _result(form: ResultForm) -> ReportedResult:
    observed_at = _moment(form.observed_at) if form.observed_at is not None else None
    return ReportedResult(form.region, form.ok, form.type, form.message or "", form.latency_ms, observed_at)


def _moment(given: datetime | int) -> datetime | None:
    """Return it as it is kept; None when it is out of range."""
    if isinstance(given, int):
        return EPOCH + timedelta(milliseconds=given) if 0 <= given <= LATEST_MS else None
    try:
        moment = in_utc(given)
    except OverflowError:
        return None
    return moment if moment >= EPOCH else None


def view(check: ListedCheck) -> CheckView:
    """Show a check."""
    return CheckView(
        id=CHECK_IDS.of(check.check_id),
        **msgspec.structs.asdict(check.settings),
        status=check.status,
        created_at=milliseconds(check.created_at),
        updated_at=milliseconds(check.updated_at),
        last_checked_at=milliseconds(check.checked_at) if check.checked_at is not None else None,
    )
