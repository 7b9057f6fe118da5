"""How an operation of the engine is served, and what its documentation has to know.

An operation is a method of a Litestar controller that takes a ``Call`` and returns an ``Answer``. It is routed,
identified and documented like any other route, but it runs where Litestar puts a route's innermost middleware: workers
call these routes thousands of times a second, and what Litestar does between the middleware and a handler (reading the
body in chunks, parsing arguments, building a response) costs as much again as all the rest of a request.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar, cast

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Middleware, Receive, Scope, Send
from litestar.utils.signature import ParsedSignature

from api.answers import Answer, json_answer
from api.engine.bodies import Results
from api.engine.decoding import LARGEST_BODY, TOO_LARGE, decode
from api.engine.parameters import Query, entity_in_path, id_in_path
from api.engine.ports import Engine
from api.media_types import require_json
from api.refusals import InvalidBody
from api.tracing import trace_of
from commands.handling import Asker, Outcome
from commands.intents import EntityId
from domain.access.caller import Caller
from domain.event import Actor
from projections.read_model import ReadModel

Body = TypeVar("Body", bound=msgspec.Struct)
T = TypeVar("T")

_JSON = b"application/json"


class Call:
    """A request to an operation: who calls, with what, and the engine that it is for."""

    __slots__ = ("_receive", "_scope", "engine")

    def __init__(self, scope: Scope, receive: Receive, engine: Engine) -> None:
        self._scope = scope
        self._receive = receive
        self.engine = engine

    @property
    def caller(self) -> Caller:
        return cast("Caller", self._scope["user"])

    @property
    def id(self) -> int:
        """The id in the path."""
        return id_in_path(self._scope["path_params"]["id"])

    @property
    def entity(self) -> EntityId:
        """The partition and id in the path."""
        parameters = self._scope["path_params"]
        return entity_in_path(parameters["partition"], parameters["id"])

    @property
    def query(self) -> Query:
        return Query(self._scope["query_string"])

    def header(self, name: bytes) -> bytes:
        """Return the value of a header, given in lower case, or nothing."""
        for key, value in self._scope["headers"]:
            if key == name:
                return value
        return b""

    async def body(self, kind: type[Body]) -> Body:
        """Return the body, decoded and valid."""
        media_type = self.header(b"content-type")
        if media_type not in (_JSON, b""):
            require_json(media_type.decode("latin-1"))
        return decode(await _read(self._receive), kind)

    @property
    def now(self) -> datetime:
        """The engine's time."""
        return self.engine.commands.clock.now()

    async def send(self, command: Body, by: Actor, target: Any = None) -> Outcome:
        """Have the engine handle a command; under an ``Idempotency-Key`` only once."""
        return await self.engine.commands.send(command, self.asker_once(by, command), target)

    def asker_once(self, by: Actor, command: msgspec.Struct) -> Asker:
        """Return who asks, under the ``Idempotency-Key`` if there is one, which stands for this very request."""
        asker = self.asker(by)
        key = self.header(b"idempotency-key")
        if not key:
            return asker
        request = f"{self._scope['path']}\0".encode() + msgspec.json.encode(command)
        fingerprint = self.engine.fingerprint(request)
        return asker._replace(idempotency_key=key.decode("latin-1"), fingerprint=fingerprint)

    def asker(self, by: Actor) -> Asker:
        """Return who asks, in the name of the caller's tenant and credential, and in which trace."""
        caller = self.caller
        return Asker(caller.tenant, by, caller.actor.id, traceparent=trace_of(self._scope))

    def asker_for_engine(self) -> Asker:
        """Return the engine itself as who asks: it runs tasks under its own name."""
        return self.asker(Actor("system", self.engine.engine_id))

    async def while_there(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do what may take long; give it up, and return None, when the client goes away. The body has been read."""
        working = asyncio.create_task(work)
        leaving = asyncio.create_task(self._left())
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return await working if working.done() else None
        finally:
            await _canceled(working, leaving)

    async def _left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def caught_up(self, *models: ReadModel) -> int:
        """Wait until these read models know what was written before this call; return the position they are at."""
        names = [model.name for model in models]
        return await self.engine.readings.caught_up(names, self.query.min_position())


def worker(worker_id: str) -> Actor:
    """Return the actor that a body names: any credential may act as any worker (contracts/engine.md 1.2)."""
    return Actor("worker", worker_id)


class About(NamedTuple):
    """What the OpenAPI document says of an operation; ``answer`` is the body's type, ``refuses`` statuses of problems.

    Every operation refuses what it cannot read and callers it does not know; ``refuses`` lists what else it does.
    ``once`` says that it honours an ``Idempotency-Key``. What the summary cannot say is in ``operation_texts``.
    """

    summary: str
    body: type[msgspec.Struct] | None = None
    answer: Any = None
    status: int = 200
    media_type: str = "application/json"
    parameters: Literal["", "page", "names", "names and parents", "stretch"] = ""
    refuses: tuple[int, ...] = ()
    once: bool = False


class Operation(HTTPRouteHandler):
    """A route whose handler is run in the place of its innermost middleware."""

    about: About

    @property
    def parsed_fn_signature(self) -> ParsedSignature:
        """Show Litestar a function without arguments: it never has to find any."""
        return ParsedSignature.from_fn(_nothing_to_find, {})

    def resolve_middleware(self) -> list[Middleware]:
        return [self._innermost, *super().resolve_middleware()]

    def _innermost(self, app: ASGIApp) -> ASGIApp:  # noqa: ARG002  (Litestar's own way of running a handler)
        engine: Engine = self.opt["engine"]
        handle = cast("Callable[[Call], Awaitable[Answer]]", self.fn)

        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            answer = await handle(Call(scope, receive, engine))
            await answer(scope, receive, send)

        return run


def _nothing_to_find() -> None: ...


def _operation(
    path: str, *, operation_id: str, opt: dict[str, Any], about: About, method: Literal["GET", "POST", "PUT", "PATCH"]
) -> Operation:
    operation = Operation(path, http_method=method, operation_id=operation_id, opt=opt, include_in_schema=False)
    operation.about = about
    return operation


get = partial(_operation, method="GET")
post = partial(_operation, method="POST")
put = partial(_operation, method="PUT")
patch = partial(_operation, method="PATCH")


def page_of(rows: Sequence[Any], position: int) -> Answer:
    """Answer a page of a query."""
    return json_answer(200, Results(len(rows), rows), position)


async def _canceled(*tasks: asyncio.Task[Any]) -> None:
    """End tasks, and wait until they have."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _read(receive: Receive) -> bytes:
    """Return the whole body; raise ``InvalidBody`` as soon as it is too large, or when the client goes away."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return message["body"]
    body = bytearray()
    while message["type"] == "http.request":
        body += message["body"]
        if len(body) > LARGEST_BODY:
            raise InvalidBody(TOO_LARGE)
        if not message.get("more_body"):
            return bytes(body)
        message = await receive()
    raise InvalidBody("unexpected end of JSON")
