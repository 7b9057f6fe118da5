"""Who is asking, and whether they may: one answer for every dialect (contracts/incidents.md 0.4, reliability 5.1).

Each route says in ``opt={"access": READ}`` what it asks of its caller; one that says nothing fails at start. The
handler finds the caller in ``request.user``. On a hit in the cache this costs about two microseconds a request (a guard
of Litestar's costs ten: it copies the route handler for every call).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from math import inf
from typing import Any, Literal, NamedTuple, Protocol

import msgspec
from litestar.config.app import AppConfig
from litestar.exceptions import ImproperlyConfiguredException
from litestar.handlers import HTTPRouteHandler
from litestar.plugins import InitPlugin, ReceiveRoutePlugin
from litestar.routes import ASGIRoute, BaseRoute, HTTPRoute, WebSocketRoute
from litestar.types import ASGIApp, Receive, RouteHandlerType, Scope, Send

from api.credentials import LONGEST, OF_COOKIE, SECURITY_SCHEMES, credentials_in, header_of, token_in
from api.cross_site import refuse_cross_site
from api.refusals import Unauthorized
from domain.access.caller import Caller
from domain.access.events import Role
from domain.access.roles import ANALYTICS as ANALYTICS_ENTITLEMENT
from domain.access.roles import DEFAULT_TENANT, ROLES
from domain.rejection import Forbidden, Unavailable

__all__ = [
    "ADMINISTRATION",
    "ANALYTICS",
    "AUDIT",
    "DEPLOYMENT",
    "HISTORY",
    "OPERATE",
    "PUBLIC",
    "READ",
    "READINESS",
    "WORK",
    "Access",
    "Caller",
    "Identity",
    "KeyRing",
    "TokenRing",
]

CHALLENGE = 'Bearer realm="annals", Basic realm="annals", charset="UTF-8"'

#: A caller is forgotten so long after the look-up began: a revoked key is refused within a second in all processes.
FORGET_AFTER_S = 0.9
#: From this age on a caller in use is looked up anew beside the request, so that no request waits for it.
RENEW_AFTER_S = 0.4
MOST_CALLERS = 10_000
MOST_STRANGERS = 1_000

#: A flood of made-up keys takes so many database connections and no more; whoever is new then waits so long at most.
STRANGERS_AT_ONCE = 2
PATIENCE_S = 5.0


class Access(msgspec.Struct, frozen=True):
    """What a route asks of its caller.

    ``deployment`` asks for the tenant that runs the deployment. ``anonymous`` lets everyone in, with ``"plain"`` only
    as long as the request has no query string (contracts/engine.md 1.2).
    """

    roles: frozenset[Role]
    entitlement: str = ""
    deployment: bool = False
    anonymous: Literal["never", "plain", "always"] = "never"

    def check(self, caller: Caller) -> None:
        """Raise ``Forbidden`` unless the caller may pass."""
        title = "access denied"
        if caller.role not in self.roles:
            raise Forbidden(title, f"role {caller.role} does not allow this")
        if self.deployment and caller.tenant != DEFAULT_TENANT:
            raise Forbidden(title, "only the owner of the deployment may do this")
        if self.entitlement and self.entitlement not in caller.entitlements:
            raise Forbidden(title, f"the plan of the tenant does not include {self.entitlement}")

    def lets_anyone_in(self, scope: Scope) -> bool:
        return self.anonymous == "always" or (self.anonymous == "plain" and not scope["query_string"])


#: Open to all.
PUBLIC = Access(frozenset(ROLES), anonymous="always")
#: Open to all as long as nothing is asked beyond the bare path.
READINESS = Access(frozenset(ROLES), anonymous="plain")
#: Reads of the tenant's own data.
READ = Access(frozenset(ROLES))
#: The insight views.
ANALYTICS = Access(frozenset(ROLES), entitlement=ANALYTICS_ENTITLEMENT)
#: The log itself: everything that the tenant's read models show, and who did it.
AUDIT = Access(frozenset({"auditor", "admin", "owner"}))
#: Histories of process instances: who did what, and values of variables that are gone. Operators look into them when
#: something is wrong; those who only read, or work, need not.
HISTORY = Access(frozenset({"operator", "auditor", "admin", "owner"}))
#: Writes of the engine.
WORK = Access(frozenset({"worker", "operator", "admin", "owner"}))
#: Writes of incidents and checks; rules and intakes are matters of ``ADMINISTRATION``.
OPERATE = Access(frozenset({"operator", "admin", "owner"}))
#: Keys, intakes, alert rules and the like, of the tenant itself.
ADMINISTRATION = Access(frozenset({"admin", "owner"}))
#: Tenants, and the clock.
DEPLOYMENT = Access(frozenset({"owner"}), deployment=True)


class KeyRing(Protocol):
    """Where API keys are looked up."""

    async def holder(self, key: str) -> Caller | None:
        """Return who holds a key that is neither unknown nor revoked."""


class _Found(NamedTuple):
    """Who was found, and for how many seconds that holds at most: a token expires."""

    caller: Caller
    seconds: float = inf


class TokenRing(Protocol):
    """Where tokens are looked up."""

    async def bearer(self, token: str) -> tuple[Caller, float] | None:
        """Return who holds a token that is in order, and for how many seconds yet."""


class _Known(NamedTuple):
    """Who was found, and whether by a cookie; times are those of the door's clock."""

    caller: Caller
    renew_at: float
    forget_at: float
    by_cookie: bool


class Identity(InitPlugin, ReceiveRoutePlugin):
    """Puts itself in front of every route: finds the caller, refuses who may not pass, and undeclared routes."""

    def __init__(
        self, keys: KeyRing, now: Callable[[], float] = time.monotonic, tokens: TokenRing | None = None
    ) -> None:
        self._keys = keys
        self._tokens = tokens
        self._now = now
        self._callers: dict[bytes, _Known] = {}
        self._strangers: dict[bytes, float] = {}
        self._looking: dict[bytes, asyncio.Task[_Found | None]] = {}
        self._strangers_at_once = asyncio.Semaphore(STRANGERS_AT_ONCE)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        app_config.middleware.insert(0, self._in_front_of)
        return app_config

    def receive_route(self, route: BaseRoute) -> None:
        """Refuse a route that does not say who may use it; the OpenAPI document tells of the others what they take."""
        for handler in _handlers(route):
            if _answers_options(handler):
                handler.opt["access"] = PUBLIC
            access = handler.opt.get("access")
            if not isinstance(access, Access):
                raise ImproperlyConfiguredException(f"{handler} at {route.path} declares no access in its opt")
            if isinstance(handler, HTTPRouteHandler) and access.anonymous == "never":
                handler.security = [{name: []} for name in SECURITY_SCHEMES]

    def forget(self) -> None:
        """Look everyone up anew: this process has changed a key or a plan."""
        self._callers.clear()
        self._strangers.clear()
        self._looking.clear()

    async def caller_of(self, scope: Scope) -> Caller | None:
        """Return who sends a request, None for nobody who is known; raise ``Unavailable`` in an outage."""
        return await self._caller(header_of(scope["headers"]))

    def _in_front_of(self, app: ASGIApp) -> ASGIApp:
        callers, now = self._callers, self._now

        def identified(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            known = callers.get(header_of(scope["headers"]))
            if known is None or known.renew_at < now():
                return self._look_up_first(app, scope, receive, send)
            if known.by_cookie:
                refuse_cross_site(scope)
            scope["route_handler"].opt["access"].check(known.caller)
            scope["user"] = known.caller
            return app(scope, receive, send)

        return identified

    async def _look_up_first(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        access: Access = scope["route_handler"].opt["access"]
        caller = None
        if not access.lets_anyone_in(scope):
            header = header_of(scope["headers"])
            caller = await self._caller(header)
            if caller is None:
                raise Unauthorized("a valid API key or token is required", CHALLENGE)
            if header.startswith(OF_COOKIE):
                refuse_cross_site(scope)
            access.check(caller)
        scope["user"] = caller
        await app(scope, receive, send)

    async def _caller(self, header: bytes) -> Caller | None:
        """Return who a header stands for. Of many requests with one header, one asks."""
        now = self._now()
        if not header or len(header) > LONGEST or self._strangers.get(header, 0) > now:
            return None
        known = self._callers.get(header)
        if known and now < known.renew_at:
            return known.caller
        looking = self._looking.get(header) or self._start_looking(header, now)
        if known and now < known.forget_at:
            return known.caller
        found = await asyncio.shield(looking)
        return found.caller if found else None

    def _start_looking(self, header: bytes, now: float) -> asyncio.Task[_Found | None]:
        def done(task: asyncio.Task[_Found | None]) -> None:
            if self._looking.get(header) is task:  # else forgotten meanwhile: what it found may be old
                del self._looking[header]
                if not task.cancelled() and task.exception() is None:
                    self._remember(header, task.result(), now)

        task = asyncio.create_task(self._look_up(header))
        self._looking[header] = task
        task.add_done_callback(done)
        return task

    async def _look_up(self, header: bytes) -> _Found | None:
        """Look a header up; those never seen before wait in a line of their own, and not for long."""
        if header in self._callers:
            return await self._found(header)
        try:
            async with asyncio.timeout(PATIENCE_S), self._strangers_at_once:
                return await self._found(header)
        except TimeoutError as error:
            raise Unavailable("failed to look up a key", "too many unknown callers ask at once") from error

    async def _found(self, header: bytes) -> _Found | None:
        token = token_in(header) if self._tokens else None
        if self._tokens and token:
            found = await self._tokens.bearer(token)
            return _Found(*found) if found else None
        for credential in credentials_in(header):
            holder = await self._keys.holder(credential.key)
            if holder and credential.key_id in {None, holder.key_id}:
                return _Found(holder)
        return None

    def _remember(self, header: bytes, found: _Found | None, began: float) -> None:
        self._callers.pop(header, None)
        self._strangers.pop(header, None)
        if found is None:
            _keep(self._strangers, header, began + FORGET_AFTER_S, MOST_STRANGERS)
            return
        renew, forget = (began + min(age, found.seconds) for age in (RENEW_AFTER_S, FORGET_AFTER_S))
        known = _Known(found.caller, renew, forget, header.startswith(OF_COOKIE))
        _keep(self._callers, header, known, MOST_CALLERS)


def _keep(memory: dict[bytes, Any], header: bytes, found: object, most: int) -> None:
    """Keep the newest: the oldest goes first."""
    if len(memory) >= most:
        del memory[next(iter(memory))]
    memory[header] = found


def _handlers(route: BaseRoute) -> Sequence[RouteHandlerType]:
    match route:
        case HTTPRoute():
            return route.route_handlers
        case ASGIRoute() | WebSocketRoute():
            return (route.route_handler,)
        case _:
            raise ImproperlyConfiguredException(f"{route.path} is a route of a kind that is not served")


def _answers_options(handler: RouteHandlerType) -> bool:
    """Tell Litestar's own handler, which names a path's methods and nothing else, from ours."""
    return handler.fn.__qualname__.startswith(HTTPRoute.create_options_handler.__qualname__)
