"""Whether the database answers: one asks all the time, so that nobody else has to wait to find out.

A server that has died says so at once; one that hangs, or a network that swallows everything, says nothing. Without the
watch every request would then wait for as long as it may, and requests would pile up. With it, the first ones wait and
all others are refused at once, until the database answers again. What is asked is whether the log is still the one that
this process knows: one that has lost facts is as good as down, until this process has ended.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from infra.event_log.continuity import Continuity, LogRewound

#: Seconds from one question to the next: while all is well, and while it is not.
ASKED_EVERY = 0.5
ASKED_AGAIN = 0.1

#: How long an answer may take, in seconds: two orders of magnitude more than it takes on a busy machine. When we look
#: at the clock later than that by the second figure, we were busy ourselves, which says nothing of the database.
ANSWER_SECONDS = 1.0
OUR_FAULT = 0.25

#: The database counts as down when this many questions in a row, over this many seconds, came to nothing. A server that
#: is restarted in that time is only a delay; one late answer may be our own fault.
FAILURES = 2
DOWN_AFTER = 1.0

log = structlog.get_logger(__name__)


class Watch:
    """Asks over a connection of its own, which ``connect`` opens.

    ``trouble`` says what became of the last question, and is empty after an answer. ``down`` says whether it is time to
    refuse whatever needs the database.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]]) -> None:
        self.continuity = Continuity()
        self.trouble = ""
        self.down = False
        self._connect = connect
        self._connection: Any = None
        self._failures = 0
        self._failing_since = 0.0

    def check(self) -> None:
        """Raise ``ConnectionError`` while the database is down."""
        if self.down:
            raise ConnectionError(self.trouble)

    async def run(self) -> None:
        """Ask until cancelled; raise ``LogRewound``."""
        try:
            while True:
                began = asyncio.get_running_loop().time()
                try:
                    async with asyncio.timeout(ANSWER_SECONDS):
                        await self._ask()
                except LogRewound as error:
                    self.trouble, self.down = str(error), True
                    raise
                except Exception as error:  # noqa: BLE001  (whatever it is, there was no answer)
                    self._failed(error, began)
                else:
                    self._answered()
                await asyncio.sleep(ASKED_AGAIN if self.trouble else ASKED_EVERY)
        finally:
            self._disconnect()

    async def _ask(self) -> None:
        if self._connection is None:
            self._connection = await self._connect()
        await self.continuity.check(self._connection)

    def _answered(self) -> None:
        if self.down:
            log.info("the database answers again")
        self.trouble, self.down, self._failures = "", False, 0

    def _failed(self, error: Exception, began: float) -> None:
        self._disconnect()
        now = asyncio.get_running_loop().time()
        if now - began > ANSWER_SECONDS + OUR_FAULT:
            return
        if not self._failures:
            self._failing_since = began
        self._failures += 1
        self.trouble = f"the database does not answer: {error!r}"
        lasting = now - self._failing_since >= DOWN_AFTER
        if lasting and self._failures >= FAILURES and not self.down:
            self.down = True
            log.error("requests are refused until the database answers", error=repr(error))

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
