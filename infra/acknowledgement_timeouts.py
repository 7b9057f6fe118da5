"""Whenever an incident stays acknowledged for longer than its tenant lets it be, it is opened again.

A small role beside the alert rules, on one node at a time. Whether an incident is still acknowledged, and has been for
too long, is decided on its stream and its tenant's, so it does not matter who asks, nor how often.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from commands.handling import Asker, Commands
from commands.incident_moves import ReturnToOpen
from domain.event import Actor
from domain.rejection import NotFound, Unavailable
from infra.codec import UnreadableFact
from infra.leases import GiveWay, go_on
from infra.outages import passes
from projections.acknowledgements.projector import READ_MODEL
from projections.acknowledgements.queries import expired_acknowledgements
from projections.database import Database

#: The lease under which one node looks.
LEASE = "acknowledgements"

#: Seconds between two looks, and incidents that are taken back at once.
REST = 1.0
BATCH = 100

#: A policy is the system itself (contracts/incidents.md 0.6, actors).
ACTOR = Actor("system", "system")

log = structlog.get_logger(__name__)


class Readings(Protocol):
    """Waiting for read models."""

    async def caught_up(self, models: Sequence[str], min_position: int | None = None) -> int:
        """Return the position that answers from these read models reflect; raise ``Unavailable`` in time."""


class AcknowledgementTimeouts:
    """Takes acknowledgements back that nobody has followed up on; ``database`` is where read models are asked."""

    def __init__(self, commands: Commands, readings: Readings, database: Database) -> None:
        self._commands = commands
        self._readings = readings
        self._database = database
        self._unreadable: list[UnreadableFact] = []

    async def run(self, goes_on: Callable[[], None] = lambda: None, give_way: GiveWay = go_on) -> None:
        """Look until cancelled, and say so each time. An outage is waited out.

        ``give_way`` is told of incidents that cannot be read; the others do not wait for them.
        """
        while True:
            busy = False
            try:
                busy = await self.take_back() == BATCH
                goes_on()
                await self._unread(give_way)
            except Exception as error:
                if not (isinstance(error, Unavailable) or passes(error)):
                    raise
                log.warning("acknowledgements wait for the database", error=repr(error))
            if not busy:
                await asyncio.sleep(REST)

    async def take_back(self) -> int:
        """Take back what is due by the engine's time, up to a batch; return how many these were."""
        await self._readings.caught_up((READ_MODEL.name,))
        taken_back = 0
        for tenant, incident in await expired_acknowledgements(self._database, self._commands.clock.now(), BATCH):
            try:
                outcome = await self._commands.send(ReturnToOpen(), Asker(tenant, ACTOR), incident)
            except NotFound as error:
                log.warning("an acknowledged incident is not there", incident=incident, error=repr(error))
            except UnreadableFact as error:
                log.warning("an acknowledged incident cannot be read", incident=incident, error=repr(error))
                self._unreadable.append(error)
            else:
                taken_back += outcome.answer is not None
        return taken_back

    async def _unread(self, give_way: GiveWay) -> None:
        """Leave what could not be read in the last look to a newer release, if there is one."""
        unreadable, self._unreadable = self._unreadable, []
        for error in unreadable:
            await give_way(error)
