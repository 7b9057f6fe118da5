"""How many requests a minute a credential has, and the headers that tell it (contracts/incidents.md 0.4, 0.6).

One bucket serves the feed, uptime and alerts, another one the engine, where that is limited; inbound webhooks have one
for each intake. The headers are on every answer that a bucket was taken from for, whoever makes it and whatever it is.
A request whose caller is not known is nobody's, and is refused for that where it is addressed to a route.

This lies around the whole application, because unknown paths and methods never reach a route. A request to what is not
limited pays for a look at its path.
"""

from collections.abc import Awaitable, Mapping
from typing import Any, NamedTuple, cast

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from api.dialects import FORMS, refused
from api.engine.routes import CONTROLLERS
from api.identity import Identity
from api.insight.routes import INSIGHT_PATHS
from api.refusals import TooManyRequests
from domain.access.caller import Caller
from domain.access.events import Plan
from domain.rejection import Rejection
from infra.rate_limits.buckets import Buckets, Taken

#: The APIs about incidents, and what every path below them begins with.
BASES = tuple(FORMS)
BEGINNINGS = ("/v1", "/api/")

#: Signed by the intakes that they are for, whose buckets they are taken from.
WEBHOOKS = "/v1/webhooks/"

#: The first parts of the paths of the engine's operations, but for its readiness, which is open to all.
ENGINE = frozenset({*(controller.path.strip("/") for controller in CONTROLLERS), "time"} - {""})

#: Where a request's scope keeps how its bucket stands.
TAKEN = "annals.taken"


class Rates(NamedTuple):
    """Requests a minute: to the APIs about incidents by plan, to the engine, to an intake."""

    plans: Mapping[Plan, int]
    engine: int | None
    intake: int


class Limits:
    """Takes each request from a bucket before it is looked at."""

    def __init__(self, buckets: Buckets, rates: Rates, identity: Identity) -> None:
        self._buckets = buckets
        self._rates = rates
        self._identity = identity

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return the application with limits."""
        everything = self._rates.engine is not None

        def limited(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            if everything or scope["path"].startswith(BEGINNINGS):
                return self._pass_on(app, scope, receive, send)
            return app(scope, receive, send)

        return limited

    async def take_for_intake(self, scope: Scope, intake: str) -> None:
        """Take an inbound webhook from the bucket of its intake; raise ``TooManyRequests``."""
        await self._take(scope, f"intake:{intake}", self._rates.intake)

    async def _pass_on(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        telling = _telling(scope, send)
        try:
            await self._take_for_caller(scope)
        except Rejection as refusal:
            await refused(scope["path"], refusal)(scope, receive, telling)
        else:
            await app(scope, receive, telling)

    async def _take_for_caller(self, scope: Scope) -> None:
        api = _api_at(scope["path"])
        caller = await self._identity.caller_of(scope) if api else None
        if caller is None:
            return
        limit = self._rates.engine if api == "engine" else self._rates.plans[caller.plan]
        if limit is not None:
            await self._take(scope, f"{api}:{_credential(caller)}", limit)

    async def _take(self, scope: Scope, name: str, limit: int) -> None:
        taken = await self._buckets.take(name, limit)
        cast("dict[str, Any]", scope)[TAKEN] = taken
        if not taken.passes:
            raise TooManyRequests(f"only {limit} requests a minute are allowed", taken.wait)


def _api_at(path: str) -> str:
    """Return the API whose bucket a path is taken from, or nothing."""
    if path.startswith(BEGINNINGS):
        is_limited = any(path == base or path.startswith(f"{base}/") for base in BASES)
        return "incidents" if is_limited and not path.startswith(WEBHOOKS) else ""
    return "engine" if path.split("/", 2)[1] in ENGINE and path not in INSIGHT_PATHS else ""


def _credential(caller: Caller) -> str:
    """Name a credential: a person is the same one with every token they get."""
    return caller.key_id if caller.kind == "api_key" else f"{caller.tenant}:{caller.key_id}"


def _telling(scope: Scope, send: Send) -> Send:
    """Return what sends an answer with the headers of the bucket that the request was taken from."""

    async def tell(message: Message) -> None:
        taken: Taken | None = cast("dict[str, Any]", scope).get(TAKEN)
        if taken is not None and message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *_headers(taken)]
        await send(message)

    return tell


def _headers(taken: Taken) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"x-ratelimit-limit", b"%d" % taken.limit),
        (b"x-ratelimit-remaining", b"%d" % taken.remaining),
        (b"x-ratelimit-reset", b"%d" % taken.reset),
    )
