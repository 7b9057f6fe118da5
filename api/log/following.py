"""Those who follow the log over HTTP: what they ask for, and how they are answered."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request, Response
from litestar.types import Scope

from api.base_url import base_url
from api.incidents.parameters import invalid
from api.log.leaving import unless_gone
from api.log.parameters import DEFAULT_LIMIT, FILTERS, LONGEST_WAIT, MOST_EVENTS, FollowerParameters
from api.log.parts import SharedParts
from api.log.polling import Question, awaited_page
from api.log.seats import Seats
from api.log.stream import EventStream, Guest, Pulse
from api.log.telling import Teller, answer, one, teller
from domain.access.caller import Caller
from domain.identity import INT64_MAX
from domain.rejection import NotFound
from infra.event_feed.feed import EventFeed
from infra.event_feed.pages import Bounds, Page

LAST_EVENT_ID = "last-event-id"
_POSITION = re.compile(r"\d{1,19}", re.ASCII)


class LogFeed:
    """The feed with what requests to it need; ``caller_of`` says who sends a request, None for nobody any more."""

    def __init__(
        self,
        feed: EventFeed,
        seats: Seats,
        caller_of: Callable[[Scope], Awaitable[Caller | None]],
        pulse: Pulse = Pulse(),  # noqa: B008  (frozen)
    ) -> None:
        self.feed = feed
        self.seats = seats
        self.caller_of = caller_of
        self.pulse = pulse
        self._parts = SharedParts()

    async def page(self, request: Request[Caller, Any, Any]) -> Response[Any]:
        """Answer with a page of the caller's tenant."""
        asked = FollowerParameters(request.scope["query_string"])
        asked.only(("after", "limit", "wait", *FILTERS))
        question = Question(
            asked.wanted(request.user.tenant),
            asked.position("after") or 0,
            Bounds(asked.number("limit", DEFAULT_LIMIT, 1, MOST_EVENTS)),
            asked.number("wait", 0, 0, LONGEST_WAIT),
        )
        waiting = awaited_page(self.feed, question, self.seats, credential_of(request.user))
        page = await unless_gone(waiting, request.receive) or Page((), question.after, question.after)
        return answer(page, await self._teller(request), request.headers.get("accept", ""))

    async def event(self, request: Request[Caller, Any, Any], position: str) -> Response[Any]:
        """Answer with one event of the caller's tenant; what is another's is answered like what there is not."""
        FollowerParameters(request.scope["query_string"]).only(())
        if not _POSITION.fullmatch(position) or int(position) > INT64_MAX:
            raise invalid("position", f"must be a whole number from 0 to {INT64_MAX}")
        entry = await self.feed.pages.event(request.user.tenant, int(position))
        if entry is None:
            raise NotFound("failed to find event", f"there is no event at position {int(position)}")
        return one(entry, await self._teller(request))

    async def stream(self, request: Request[Caller, Any, Any]) -> EventStream:
        """Answer with a stream of the caller's tenant, for as long as the caller may listen."""
        asked = FollowerParameters(request.scope["query_string"])
        asked.only(("after", *FILTERS))
        wanted, after = asked.wanted(request.user.tenant), _beginning(request, asked)
        await self.feed.pages.head_beyond(after)
        listener = self.feed.listener(wanted, after)
        parts = self._parts.under(base_url(request), await self._teller(request))
        credential, scope = credential_of(request.user), request.scope

        async def welcome() -> bool:
            caller = await self.caller_of(scope)
            return caller is not None and caller.tenant == wanted.tenant and caller.role == request.user.role

        guest = Guest(self.seats, credential, welcome)
        return EventStream(self.feed, listener, parts, guest, self.pulse)

    async def _teller(self, request: Request[Caller, Any, Any]) -> Teller:
        return teller(await self.feed.source(), base_url(request))


def _beginning(request: Request[Caller, Any, Any], asked: FollowerParameters) -> int:
    """Return the position to begin after: that of the last event which a client that comes back has got."""
    after = asked.position("after") or 0
    given = request.headers.get(LAST_EVENT_ID, "")
    if not given:
        return after
    if not _POSITION.fullmatch(given) or int(given) > INT64_MAX:
        raise invalid("Last-Event-ID", f"must be a whole number from 0 to {INT64_MAX}")
    return int(given)


def credential_of(caller: Caller) -> str:
    """Name a credential: a person is the same one with every token they get."""
    return caller.key_id if caller.kind == "api_key" else f"{caller.tenant}:{caller.key_id}"
