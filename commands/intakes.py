"""Opening and closing intakes, at which other systems hand in their alerts (contracts/incidents.md 0.6).

As with keys, the asker's tenant is the tenant that is administered; who administers is in the target.
"""

from datetime import datetime
from typing import NamedTuple, cast, get_args

from commands.access import Administrator
from commands.access_fields import label, required_tenant_id
from commands.context import Context, Decision
from commands.desk import AtHand, Desk
from commands.incident_fields import one_of
from commands.intents import Intent
from commands.refusing import refuse_if_any
from commands.turns import decided, unit_of
from domain.identity import intake_stream, intakes_stream, tenant_stream
from domain.intakes.events import IntakeClosed, IntakeListed, IntakeOpened, IntakeUnlisted, Provider
from domain.intakes.intake import Intake
from domain.intakes.open_intakes import MOST_OPEN, OpenIntakes
from domain.rejection import InvalidState, NotFound

OPEN, CLOSE = "failed to open intake", "failed to close intake"

PROVIDERS: tuple[Provider, ...] = get_args(Provider)


class OpenIntake(Intent, frozen=True):
    """Let another system hand in alerts for a tenant (``POST /admin/intakes``)."""

    tenant_id: str = ""
    provider: str = ""
    name: str = ""


class CloseIntake(Intent, frozen=True):
    """Take nothing at an intake any more (``DELETE /admin/intakes/{id}``)."""


class MintedIntake(NamedTuple):
    """What opens a fresh intake, made outside of any decision: chance and the deployment's secret key stay there.

    ``sealed_secret`` and the keyed hash are all that the log may know of ``secret`` and ``routing_key``, which is empty
    where senders sign.
    """

    id: str
    secret: str
    sealed_secret: str
    routing_key: str = ""
    routing_key_hash: str = ""


class IntakeToOpen(NamedTuple):
    """The target of ``OpenIntake``: who opens it, and what is to open it."""

    by: Administrator
    minted: MintedIntake


class IntakeToClose(NamedTuple):
    """The target of ``CloseIntake``: who closes, and which one."""

    by: Administrator
    intake_id: str


class IntakeView(NamedTuple):
    """An intake as administrators see it, without what opens it."""

    id: str
    tenant: str
    provider: Provider
    name: str
    opened_at: datetime


async def gather_open(command: OpenIntake, target: IntakeToOpen, _context: Context, desk: Desk) -> AtHand:
    """Refuse wrong fields with a cause each; a tenant that the administrator may not see is not there."""
    refuse_if_any(
        OPEN,
        *required_tenant_id("#/tenantId", command.tenant_id),
        *one_of("#/provider", command.provider, PROVIDERS),
        *label("#/name", command.name),
    )
    known = target.by.sees(command.tenant_id) and (await desk.look(tenant_stream(command.tenant_id))).state
    if not known:
        raise NotFound(OPEN, f"tenant {command.tenant_id} could not be found")
    await desk.hold(intakes_stream(command.tenant_id, command.provider))
    return desk.at_hand


def decide_open(command: OpenIntake, target: IntakeToOpen, at_hand: AtHand, context: Context) -> Decision:
    """Open it, unless the tenant has as many for that provider as may be; the answer is its id."""
    unit, minted = unit_of(context, *at_hand), target.minted
    listed = intakes_stream(command.tenant_id, command.provider)
    known: OpenIntakes | None = unit.state(listed)
    if known is not None and len(known.intakes) >= MOST_OPEN:
        raise InvalidState(OPEN, f"tenant {command.tenant_id} has {MOST_OPEN} intakes for {command.provider} already")
    provider = cast("Provider", command.provider)
    opened = IntakeOpened(provider, command.name, minted.sealed_secret, minted.routing_key_hash)
    unit.record(intake_stream(minted.id), opened, new=True)
    unit.record(listed, IntakeListed(minted.id))
    return decided(unit, minted.id)


async def gather_close(_command: CloseIntake, target: IntakeToClose, _context: Context, desk: Desk) -> AtHand:
    """Hold the intake. One that is closed, unknown or another tenant's is answered alike: there is no such intake."""
    intake: Intake | None = (await desk.hold(intake_stream(target.intake_id))).state
    if intake is None or intake.closed or not target.by.sees(intake.tenant):
        raise no_intake(target.intake_id)
    return desk.at_hand


def decide_close(_command: CloseIntake, target: IntakeToClose, at_hand: AtHand, context: Context) -> Decision:
    """Close it, and strike it off its tenant's list."""
    unit = unit_of(context, *at_hand)
    stream = intake_stream(target.intake_id)
    intake: Intake = unit.state(stream)
    unit.record(stream, IntakeClosed())
    unit.record(intakes_stream(intake.tenant, intake.provider), IntakeUnlisted(target.intake_id))
    return decided(unit)


def no_intake(intake_id: str) -> NotFound:
    return NotFound(CLOSE, f"intake {intake_id} could not be found")
