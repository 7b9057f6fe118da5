"""A request to one of the APIs about incidents: its caller, its body, its parameters, and the way to its answer."""

from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from litestar import Request
from litestar.datastructures import State

from api.incidents.bodies import decode, decode_some
from api.incidents.parameters import Parameters
from api.incidents.ports import Tracking
from api.media_types import require_json
from api.refusals import InvalidBody
from api.tracing import trace_of
from commands.handling import Asker, Outcome
from domain.access.caller import Caller
from projections.read_model import ReadModel

Body = TypeVar("Body", bound=msgspec.Struct)

TrackingRequest = Request[Caller, Any, State]

#: Bytes of a body; none that is valid comes near it, but for lists of samples.
LARGEST_BODY = 1_048_576
TOO_LARGE = "request body must not be larger than 1 MB"


class Incoming:
    """A request, and what it is for."""

    def __init__(self, request: TrackingRequest, tracking: Tracking) -> None:
        self._request = request
        self.tracking = tracking

    @property
    def caller(self) -> Caller:
        return self._request.user

    @property
    def tenant(self) -> str:
        return self.caller.tenant

    @property
    def now(self) -> datetime:
        """The engine's time."""
        return self.tracking.commands.clock.now()

    @property
    def wall(self) -> datetime:
        """What the clock on the wall shows."""
        clock = self.tracking.commands.clock
        return clock.now() - timedelta(milliseconds=clock.offset_ms)

    @property
    def parameters(self) -> Parameters:
        return Parameters(self._request.scope["query_string"])

    async def raw(self) -> bytes:
        """Return the body's bytes."""
        raw = await self._request.body()
        if len(raw) > LARGEST_BODY:
            raise InvalidBody(TOO_LARGE)
        return raw

    async def body(self, kind: type[Body]) -> Body:
        """Return the body, of this shape; raise ``InvalidBody``."""
        return decode(await self.json(), kind)

    async def body_if_any(self, kind: type[Body]) -> Body:
        """Return the body, of this shape, or what the shape says when nothing is given; raise ``InvalidBody``."""
        return await self.body(kind) if await self.raw() else kind()

    async def bodies(self, kind: type[Body]) -> tuple[Body, ...]:
        """Return the body, of this shape, or each of a list of them; raise ``InvalidBody``."""
        return decode_some(await self.json(), kind)

    async def json(self) -> bytes:
        """Return the body's bytes, which are to be JSON; raise ``UnsupportedMediaType`` for another type."""
        require_json(self._request.headers.get("content-type", ""))
        return await self.raw()

    async def send(self, command: msgspec.Struct, target: Any = None) -> Outcome:
        """Have a command handled in the caller's name; under an ``Idempotency-Key`` only once."""
        return await self.tracking.commands.send(command, self._asker(command), target)

    async def caught_up(self, *models: ReadModel, after: Outcome | None = None) -> int:
        """Wait until these read models know what was written before, and return their position.

        After a command they need know no more than that, in a query no more than the ``minPosition`` that it names.
        """
        names = [model.name for model in models]
        wanted = self.parameters.position("minPosition") if after is None else after.position
        return await self.tracking.readings.caught_up(names, wanted)

    def _asker(self, command: msgspec.Struct) -> Asker:
        caller = self.caller
        trace = trace_of(self._request.scope)
        asker = Asker(caller.tenant, caller.actor, caller.actor.id, email=caller.email, traceparent=trace)
        key = self._request.headers.get("idempotency-key", "")
        if not key:
            return asker
        request = f"{self._request.scope['path']}\0".encode() + msgspec.json.encode(command)
        return asker._replace(idempotency_key=key, fingerprint=self.tracking.fingerprint(request))
