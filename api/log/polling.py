"""Long polling: a page as soon as there is something for it."""

import asyncio
from typing import NamedTuple

from api.log.seats import Seats
from infra.event_feed.feed import EventFeed
from infra.event_feed.listening import Listener, Overrun
from infra.event_feed.pages import Bounds, Page, Wanted


class Question(NamedTuple):
    """What is asked for: after which position, within which bounds, and for how many seconds it may be waited for."""

    wanted: Wanted
    after: int
    bounds: Bounds
    seconds: int


async def awaited_page(feed: EventFeed, asked: Question, seats: Seats, credential: str) -> Page:
    """Return a page; an empty one at the end of the log only when so many seconds have brought nothing.

    A wait reads no more facts than any page, and ends when the node is about to stop.
    """
    page = await feed.pages.page(asked.wanted, asked.after, asked.bounds)
    if page.entries or not asked.seconds or page.next < page.head:
        return page
    with seats.taken(credential):
        async with feed.live.listening():
            return await _awaited(feed.listener(asked.wanted, page.next), page, asked.bounds, _now() + asked.seconds)


async def _awaited(listener: Listener, page: Page, bounds: Bounds, ends: float) -> Page:
    last = page.next + bounds.read
    while not listener.stopping and listener.position < last and (left := ends - _now()) > 0:
        try:
            entries = await listener.more(left, bounds)
        except Overrun:
            break
        if entries:
            return Page(entries, listener.position, page.head)
    return Page((), listener.position, page.head)


def _now() -> float:
    return asyncio.get_running_loop().time()
