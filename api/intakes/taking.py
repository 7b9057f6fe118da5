"""Taking in the alerts of a request: each is a command of its own, those about one thing one after the other."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from commands.handling import Asker, Outcome
from commands.inbound_alerts import InboundAlert
from domain.event import Actor

#: Alerts of one request that are worked on at once: a great group leaves room for everybody else.
AT_ONCE = 32

#: Whoever an incident was opened by, it was no person (contracts/incidents.md 0.6, actors).
SYSTEM = Actor("system", "system")


class Commands(Protocol):
    """Where commands are sent."""

    async def send(self, command: InboundAlert, asker: Asker) -> Outcome:
        """Handle a command; raise the ``Rejection`` that answers it otherwise."""


class Taking:
    """Sends the alerts of one request, which came in at an intake of a tenant.

    Under an idempotency key each takes effect once; ``fingerprint`` stands for what the request says.
    """

    def __init__(self, commands: Commands, tenant: str, intake: str, trace: str | None = None) -> None:
        self._commands = commands
        self._asker = Asker(tenant, SYSTEM, f"intake:{intake}", traceparent=trace)
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def take(self, alerts: Sequence[InboundAlert], key: str = "", fingerprint: str = "") -> Sequence[Outcome]:
        """Return what became of each, in their order.

        What cannot be had in time is ``Unavailable`` as a whole: sent again, what was taken the first time is a
        duplicate.
        """
        groups: dict[str, list[int]] = {}
        for number, alert in enumerate(alerts):
            groups.setdefault(alert.external_id, []).append(number)
        taken: dict[int, Outcome] = {}

        async def one_by_one(numbers: Sequence[int]) -> None:
            async with self._at_once:
                for number in numbers:
                    asker = self._asker
                    if key:
                        asker = asker._replace(idempotency_key=f"{key}\0{number}", fingerprint=fingerprint)
                    taken[number] = await self._commands.send(alerts[number], asker)

        results = await asyncio.gather(*map(one_by_one, groups.values()), return_exceptions=True)
        for result in results:
            if result is not None:
                raise result
        return [taken[number] for number in range(len(alerts))]
