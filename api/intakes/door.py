"""Who may hand in alerts: whoever can use the secret of an intake of that tenant and provider (incidents.md 0.6).

Unknown tenants, tenants without an intake and wrong signatures are refused alike, after the same work: nobody finds
out which tenants there are. Intakes are remembered for less than a second, so that a closed one is refused within one
on every node, and a storm of alerts asks the database about once a second.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, cast

from litestar.types import Scope

from api.intakes.pagerduty import PROVIDER as PAGERDUTY
from api.intakes.pagerduty import routing_key_in
from api.refusals import InvalidApiKey, InvalidSignature
from commands.access_fields import is_tenant_id
from domain.access.caller import Caller
from domain.intakes.events import Provider
from domain.rejection import Unavailable

#: What is known of a tenant's intakes is forgotten so long after it was asked for.
FORGET_AFTER_S = 0.9
MOST_REMEMBERED = 10_000

#: A flood of made-up tenants takes so many database connections and no more; whoever comes then waits so long at most.
LOOKING_AT_ONCE = 2
PATIENCE_S = 5.0

SIGNATURE, API_KEY = "x-webhook-signature", "x-api-key"
_METHOD = b"sha256="


class OpenDoor(Protocol):
    """An intake that takes alerts."""

    id: str

    def signed(self, body: bytes, signature: bytes) -> bool:
        """Tell whether a signature, in hex, is that of a body."""

    def opened_by(self, hashed_routing_keys: Sequence[str]) -> bool:
        """Tell whether one of these is the hash of the key that opens it."""


class Intakes(Protocol):
    """Where intakes are looked up."""

    async def active(self, tenant: str, provider: Provider) -> Sequence[OpenDoor]:
        """Return the intakes that a tenant has open for a provider; raise ``Unavailable`` in an outage."""

    def hashes(self, routing_key: str) -> Sequence[str]:
        """Return the hashes under which a routing key may be stored."""

    def stranger(self) -> OpenDoor:
        """Return an intake that nothing opens."""


class _Known(NamedTuple):
    intakes: Sequence[OpenDoor]
    forget_at: float


class Knock(NamedTuple):
    """Who asks to be let in, as the request's address and headers say, with its body."""

    tenant: str
    provider: Provider
    headers: Mapping[str, str]
    body: bytes


class Door:
    """Lets senders in. ``caller_of`` knows the holders of API keys."""

    def __init__(
        self,
        intakes: Intakes,
        caller_of: Callable[[Scope], Awaitable[Caller | None]],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._intakes = intakes
        self._caller_of = caller_of
        self._now = now
        self._known: dict[tuple[str, Provider], _Known] = {}
        self._looking: dict[tuple[str, Provider], asyncio.Task[Sequence[OpenDoor]]] = {}
        self._at_once = asyncio.Semaphore(LOOKING_AT_ONCE)
        self._stranger = intakes.stranger()

    def forget(self) -> None:
        """Look everything up anew: this process has opened or closed an intake."""
        self._known.clear()
        self._looking.clear()

    async def admit(self, knock: Knock) -> str:
        """Return the id of the intake whose secret the sender has; raise ``InvalidSignature`` or ``InvalidApiKey``."""
        await self._check_api_key(knock)
        intakes = await self._of(knock.tenant, knock.provider)
        proven = self._proof(knock)
        opened = [intake.id for intake in (*intakes, self._stranger) if proven(intake)]
        if not opened:
            raise InvalidSignature
        return opened[0]

    async def _check_api_key(self, knock: Knock) -> None:
        """Refuse a key that came along and is not one of the tenant's."""
        key = knock.headers.get(API_KEY)
        if key is None:
            return
        alone = cast("Scope", {"headers": [(API_KEY.encode(), key.encode("latin-1", errors="replace"))]})
        caller = await self._caller_of(alone)
        if caller is None or caller.tenant != knock.tenant:
            raise InvalidApiKey

    def _proof(self, knock: Knock) -> Callable[[OpenDoor], bool]:
        """Return the test of an intake. Whatever came as a proof has to be one, and something has to have come.

        Senders for PagerDuty cannot sign: they send a key along.
        """
        tests = list(self._tests(knock))
        return lambda intake: bool(tests) and all(test(intake) for test in tests)

    def _tests(self, knock: Knock) -> Iterator[Callable[[OpenDoor], bool]]:
        given = knock.headers.get(SIGNATURE)
        if given is not None:
            method, signature = given.encode()[: len(_METHOD)], given.encode()[len(_METHOD) :].lower()
            right_method = method.lower() == _METHOD
            yield lambda intake: intake.signed(knock.body, signature) and right_method
        if knock.provider == PAGERDUTY:
            routing_key = routing_key_in(knock.body)
            if routing_key or given is None:
                hashed = self._intakes.hashes(routing_key)
                yield lambda intake: intake.opened_by(hashed)

    async def _of(self, tenant: str, provider: Provider) -> Sequence[OpenDoor]:
        """Return the open intakes of a tenant. Of many requests at once, one asks."""
        if not is_tenant_id(tenant):
            return ()
        which = tenant, provider
        known = self._known.get(which)
        if known is not None and self._now() < known.forget_at:
            return known.intakes
        return await asyncio.shield(self._looking.get(which) or self._start_looking(which))

    def _start_looking(self, which: tuple[str, Provider]) -> "asyncio.Task[Sequence[OpenDoor]]":
        forget_at = self._now() + FORGET_AFTER_S

        def done(task: "asyncio.Task[Sequence[OpenDoor]]") -> None:
            if self._looking.get(which) is task:  # else forgotten meanwhile: what it found may be old
                del self._looking[which]
                if not task.cancelled() and task.exception() is None:
                    self._remember(which, _Known(task.result(), forget_at))

        task = asyncio.create_task(self._look_up(*which))
        self._looking[which] = task
        task.add_done_callback(done)
        return task

    async def _look_up(self, tenant: str, provider: Provider) -> Sequence[OpenDoor]:
        try:
            async with asyncio.timeout(PATIENCE_S), self._at_once:
                return await self._intakes.active(tenant, provider)
        except TimeoutError as error:
            raise Unavailable("failed to look up an intake", "too many unknown senders ask at once") from error

    def _remember(self, which: tuple[str, Provider], known: _Known) -> None:
        """Keep the newest: the oldest goes first."""
        self._known.pop(which, None)
        if len(self._known) >= MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[which] = known
