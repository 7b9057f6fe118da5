"""A node whose streams go on with what comes next once they have come to the end of the past, as is often done.

What is appended between the last look at the past and the first at what comes is skipped: followers have to notice.
``python -m tests.faults.naive_streams`` serves one.
"""

import asyncio
import sys
from collections.abc import Sequence

from api.cli import main
from infra.event_feed.entries import Entry
from infra.event_feed.listening import Listener
from infra.event_feed.pages import Bounds

#: Seconds between the two looks.
BETWEEN = 0.05


async def more(listener: Listener, seconds: float, bounds: Bounds) -> Sequence[Entry]:
    """Take the place of ``Listener.more``."""
    if listener.is_live:
        return await _honest(listener, seconds, bounds)
    entries = await listener._from_past(seconds, bounds)
    if len(entries) < bounds.facts:
        await asyncio.sleep(BETWEEN)
        listener.position = max(listener.position, listener._live.end)
        listener.is_live = True
    return entries


_honest = Listener.more

if __name__ == "__main__":
    Listener.more = more  # type: ignore[method-assign, assignment]  # that is what it is for
    sys.argv[1:] = ["serve"]
    main()
