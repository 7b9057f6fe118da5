"""Making, changing and deleting checks (contracts/incidents.md 0.6, checks). The target is a check's ULID.

An answer is the ULID of the check.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from commands import check_fields
from commands.check_incidents import hold_check, hold_with_incidents, look_at_incidents
from commands.context import Context, Decision
from commands.desk import AtHand, Desk
from commands.intents import Intent
from commands.registers import enlist, strike_off
from commands.turns import decided, unit_of
from domain.event import Event
from domain.identity import check_stream, incident_stream, register_stream
from domain.incidents.events import IncidentCanceled
from domain.monitoring.check import Check
from domain.monitoring.consensus import KINDS
from domain.monitoring.events import (
    CheckChanged,
    CheckCreated,
    CheckDeleted,
    CheckPaused,
    CheckResumed,
    CheckSettings,
    CheckValue,
)
from domain.rejection import InvalidInput, InvalidState

CREATE, CHANGE, DELETE = "failed to create check", "failed to change check", "failed to delete check"

#: Checks that a tenant may have: each is probed once an interval, and each probe is a fact.
MOST_CHECKS = 1_000


class CreateCheck(Intent, frozen=True):
    """Have something probed. Raises ``InvalidState`` where the tenant has ``MOST_CHECKS``."""

    settings: CheckSettings


class ChangeCheck(Intent, frozen=True):
    """Have it probed otherwise, pause it or resume it.

    ``changes`` has new settings by name; None takes away one that need not be there.
    """

    changes: Mapping[str, CheckValue]
    paused: bool | None = None


class DeleteCheck(Intent, frozen=True):
    """Have it probed no more, and forget it."""


class HeldCheck(NamedTuple):
    """A check to decide on."""

    check: Check
    at_hand: AtHand


async def gather_create(command: CreateCheck, _target: None, context: Context, desk: Desk) -> AtHand:
    """Refuse what cannot be probed."""
    _require(CREATE, command.settings)
    await desk.hold(register_stream("checks", context.tenant))
    return desk.at_hand


def decide_create(command: CreateCheck, _target: None, at_hand: AtHand, context: Context) -> Decision:
    """Create it, unless the tenant has as many as may be."""
    unit = unit_of(context, *at_hand)
    ulid = context.ids.ulid()
    too_many = InvalidState(CREATE, f"the tenant has {MOST_CHECKS} checks already")
    enlist(unit, register_stream("checks", context.tenant), ulid, MOST_CHECKS, too_many)
    unit.record(check_stream(ulid), CheckCreated(_trimmed(command.settings), context.email), new=True)
    return decided(unit, ulid)


async def gather_change(command: ChangeCheck, ulid: str, context: Context, desk: Desk) -> HeldCheck:
    """Refuse a change of nothing, and one to what cannot be probed."""
    check = await hold_check(desk, ulid, context.tenant, CHANGE)
    if not command.changes and command.paused is None:
        raise InvalidInput(CHANGE, "nothing to change is given")
    _require(CHANGE, _changed(check, command))
    return HeldCheck(check, desk.at_hand)


def decide_change(command: ChangeCheck, ulid: str, held: HeldCheck, context: Context) -> Decision:
    """Change what is given and differs; a change to what already is appends nothing."""
    unit = unit_of(context, *held.at_hand)
    for event in _changes(command, held.check, context.email):
        unit.record(check_stream(ulid), event)
    return decided(unit, ulid)


def _changes(command: ChangeCheck, check: Check, email: str) -> Iterator[Event]:
    after = _trimmed(_changed(check, command))
    changes = {name: getattr(after, name) for name in command.changes}
    differing = {name: value for name, value in changes.items() if value != getattr(check.settings, name)}
    if differing:
        yield CheckChanged(differing, email)
    if command.paused is not None and command.paused != check.paused:
        yield CheckPaused(email) if command.paused else CheckResumed(email)


async def gather_delete(_command: DeleteCheck, ulid: str, context: Context, desk: Desk) -> AtHand:
    """Hold the check and its incidents."""
    await hold_with_incidents(desk, ulid, context.tenant, DELETE)
    return desk.at_hand


def decide_delete(_command: DeleteCheck, ulid: str, at_hand: AtHand, context: Context) -> Decision:
    """Delete it, and cancel its unresolved incidents in the same append: what they are about is gone."""
    unit = unit_of(context, *at_hand)
    check = look_at_incidents(unit, ulid)
    for kind in KINDS:
        watch = check.watch(kind)
        if watch.unresolved:
            stream = incident_stream(watch.incident)
            unit.record(stream, IncidentCanceled(unit.state(stream).status))
    unit.record(check_stream(ulid), CheckDeleted(context.email))
    strike_off(unit, register_stream("checks", context.tenant), ulid)
    return decided(unit, ulid)


def _changed(check: Check, command: ChangeCheck) -> CheckSettings:
    changes: Mapping[str, Any] = command.changes
    return replace(check.settings, **changes)


def _trimmed(settings: CheckSettings) -> CheckSettings:
    return replace(settings, name=settings.name.strip())


def _require(title: str, settings: CheckSettings) -> None:
    causes = tuple(check_fields.settings(settings))
    if causes:
        raise InvalidInput(title, "fields are invalid", causes)
