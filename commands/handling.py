"""The one path of every command: load what it decides on, decide, append; again when the log has moved on.

A table (``commands.routes``) says who gathers and who decides. Deciding is pure; a command that lost a race, or ran
out of ids, is decided anew with what is true now.
"""

from asyncio import Event
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from datetime import date, datetime
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

import msgspec

from commands.bell import Bell
from commands.context import AlreadyDone, Cipher, Conflict, Context, Decision, Log, Lookups, Stored
from commands.desk import Desk
from commands.picking import Picking
from commands.states import StateCache
from commands.stream_locks import StreamLocks
from domain.bpmn.events import JobCreated, TaskCreated
from domain.coordination.unit_of_work import Question, Wanted
from domain.event import Actor
from domain.identity import IdKind, Ids, IdsExhausted
from domain.rejection import Rejection, ReusedKey, Unavailable

#: Decisions a command may take before it gives up: each further one means that others changed the same streams.
ATTEMPTS = 20

#: Times that one decision may find that it needs more than it has.
MOST_WANTED = 1000

#: A decision that ran out of ids begins anew with so many further blocks of them at hand, the last number from then on.
MORE_BLOCKS = (1, 4, 16)


class IdBlocks(Ids, Protocol):
    """Ids, and the way to more of them."""

    async def reserve(self, kind: IdKind, day: date | None, blocks: int = 1) -> None:
        """Reserve fresh ids, that many blocks of them, above all that were reserved before by anyone."""

    def drawing(self) -> AbstractContextManager[None]:
        """Take back what is drawn inside, without awaiting anything, when that fails."""


class EngineTime(Protocol):
    """The engine's clock; ``offset_ms`` is its lead over the wall clock."""

    offset_ms: int

    def now(self) -> datetime:
        """Return engine time, UTC, cut to milliseconds."""


class Asker(NamedTuple):
    """Who sends a command, from which tenant, and under which idempotency key if any.

    ``fingerprint`` stands for the request's content: one key with two fingerprints is a mistake of the client.
    """

    tenant: str
    actor: Actor
    principal: str = ""
    idempotency_key: str = ""
    fingerprint: str = ""
    causation_id: str | None = None
    email: str = ""
    traceparent: str | None = None


class Outcome(NamedTuple):
    """The answer to a command, and the position of its last fact; of the last one known when it changed nothing."""

    answer: Any
    position: int


class Route(NamedTuple):
    """Who gathers what a command decides on, who decides, and the type of its answer where answers can be kept."""

    gather: Callable[[Any, Any, Context, Desk], Awaitable[Any]]
    decide: Callable[[Any, Any, Any, Context], Decision]
    answer: Any = None


class Watcher(Protocol):
    """Who is told how commands fare; it must not fail, and does not wait."""

    def begins(self, command_id: str) -> float:
        """Return when that was, by its own clock."""

    def done(self, command: type, began: float) -> None: ...

    def failed(self, command: type, began: float, error: BaseException) -> None: ...

    def decides_anew(self, command: type) -> None:
        """Hear that others had changed what a decision rested on."""


class Commands:
    """Handles commands against one log."""

    def __init__(  # noqa: PLR0913  (the ports of the write side, given once by the composition)
        self,
        *,
        routes: Mapping[type, Route],
        log: Log,
        lookups: Lookups,
        ids: IdBlocks,
        clock: EngineTime,
        cipher: Cipher,
        cache: StateCache,
        watcher: Watcher,
        job_lock_timeout: str = "",
    ) -> None:
        self.lookups = lookups
        #: How long a job stays locked where its worker does not say so: an ISO 8601 duration, or empty for ever.
        self.job_lock_timeout = job_lock_timeout
        self.clock = clock
        #: Set when an append left something to do for the engine itself; the executor clears it.
        self.tasks_created = Event()
        #: Rings when an append left something to do for workers.
        self.jobs_created = Bell()
        self.stopping = False
        self.due_jobs = Picking(lookups.due_jobs, clock.now)
        self.due_tasks = Picking(lookups.due_tasks, clock.now)
        self._routes = routes
        self._log = log
        self._ids = ids
        self._cipher = cipher
        self._cache = cache
        self._watcher = watcher
        self._locks = StreamLocks()

    def stop_waiting(self) -> None:
        """Have those who wait for something to do wait no longer: this node is about to stop."""
        self.stopping = True
        self.jobs_created.ring()

    async def send(self, command: Any, asker: Asker, target: Any = None) -> Outcome:
        """Handle a command; raise the ``Rejection`` that answers it otherwise."""
        command_id = self._command_id(command, asker)
        began = self._watcher.begins(command_id)
        try:
            outcome = await self._handled(command, asker, target, command_id)
        except BaseException as error:
            self._watcher.failed(type(command), began, error)
            raise
        self._watcher.done(type(command), began)
        return outcome

    async def _handled(self, command: Any, asker: Asker, target: Any, command_id: str) -> Outcome:
        route = self._routes[type(command)]
        stored = await self._stored(command_id, asker)
        if stored is not None:
            return self._again(route, stored, asker)
        try:
            return await self._decided(route, command, target, command_id, asker)
        except AlreadyDone as done:
            return self._again(route, done.stored, asker)
        except Unavailable:
            raise
        except Rejection:
            # The same request may have come through meanwhile, and be the very reason why this one was refused.
            stored = await self._stored(command_id, asker)
            if stored is None:
                raise
            return self._again(route, stored, asker)

    async def _decided(self, route: Route, command: Any, target: Any, command_id: str, asker: Asker) -> Outcome:
        """Decide until nothing that the decision rested on has changed meanwhile."""
        more = iter(MORE_BLOCKS)
        for _ in range(ATTEMPTS):
            try:
                outcome = await self._attempt(route, command, target, self._context(command_id, asker))
            except IdsExhausted as exhausted:
                await self._ids.reserve(exhausted.kind, exhausted.day, next(more, MORE_BLOCKS[-1]))
            else:
                if outcome is not None:
                    return outcome
                self._watcher.decides_anew(type(command))
        raise Unavailable("failed to handle command", "others kept changing what it decides on")

    async def _attempt(self, route: Route, command: Any, target: Any, context: Context) -> Outcome | None:
        """Decide once, with all that the decision turns out to need; None when it rested on something old."""
        wanted: set[Question] = set()
        to_hold: set[str] = set()
        for _ in range(MOST_WANTED):
            with Desk(self._log, self.lookups, self._cache, self._locks, context.now) as desk:
                try:
                    if wanted:
                        await desk.fetch(wanted, context.tenant, to_hold)
                    return await self._decide(desk, route, command, target, context)
                except Wanted as want:
                    wanted.update(want.questions)
                    to_hold.update(desk.to_hold)
        raise Unavailable("failed to handle command", "it concerns too much at once")

    async def _decide(self, desk: Desk, route: Route, command: Any, target: Any, context: Context) -> Outcome | None:
        try:
            gathered = await route.gather(command, target, context, desk)
            with self._ids.drawing():
                decision = route.decide(command, target, gathered, context)
            if not decision.appends and await desk.moved_on():
                return None
            if decision.actor is not None:
                context = msgspec.structs.replace(context, actor=decision.actor)
            position = await self._log.append(decision, context)
        except Conflict:
            desk.forget()
            return None
        except Unavailable:
            desk.forget()
            raise
        except Rejection:
            if await desk.moved_on():
                return None
            raise
        await desk.settle(decision)
        self._tell(decision)
        return Outcome(decision.answer, position)

    def _tell(self, decision: Decision) -> None:
        """Wake who waits for what was created."""
        created = {type(event) for append in decision.appends for event in append.events}
        if TaskCreated in created:
            self.tasks_created.set()
        if JobCreated in created:
            self.jobs_created.ring()

    async def _stored(self, command_id: str, asker: Asker) -> Stored | None:
        """Return what the log keeps of a command that can be repeated."""
        return await self._log.find_command(command_id) if asker.idempotency_key else None

    def _context(self, command_id: str, asker: Asker) -> Context:
        return Context(
            tenant=asker.tenant,
            actor=asker.actor,
            now=self.clock.now(),
            ids=self._ids,
            cipher=self._cipher,
            command_id=command_id,
            causation_id=asker.causation_id,
            fingerprint=asker.fingerprint,
            keep_answer=bool(asker.idempotency_key),
            principal=asker.principal,
            email=asker.email,
            offset_ms=self.clock.offset_ms,
            traceparent=asker.traceparent,
        )

    def _command_id(self, command: Any, asker: Asker) -> str:
        if not asker.idempotency_key:
            return self._ids.ulid()
        scope = f"{asker.tenant}\0{type(command).__name__}\0{asker.idempotency_key}"
        return sha256(scope.encode()).hexdigest()

    @staticmethod
    def _again(route: Route, stored: Stored, asker: Asker) -> Outcome:
        if stored.fingerprint != asker.fingerprint:
            raise ReusedKey("idempotency key was used before", "it came with a different request then")
        answer = None
        if stored.answer is not None and route.answer is not None:
            answer = msgspec.json.decode(stored.answer, type=route.answer)
        return Outcome(answer, stored.position)
