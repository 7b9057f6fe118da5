"""Asking a Redis that all nodes share, and doing without it while it fails."""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from infra.redis_measures import UP
from infra.settings import InvalidSetting

#: Seconds from one question to the next while Redis fails.
PAUSE = 2.0

OPTIONS: Mapping[str, Any] = {
    "protocol": 2,  # the one that all releases know
    "decode_responses": False,
    "retry": Retry(NoBackoff(), 0),
    # Waits are bounded by those who ask: the client would bound them by wait_for, which before Python 3.12 loses a
    # cancellation that comes together with the end of what it waits for.
    "socket_timeout": None,
}

logger = structlog.get_logger(__name__)


def redis_client(url: str, connect_seconds: float | None = None) -> Redis:
    """Return a client that tells of every failure at once, whatever the query of the URL says.

    ``connect_seconds`` bounds how long it connects, None where whoever asks does. Raise ``InvalidSetting`` for a URL of
    no Redis.
    """
    options = {**OPTIONS, "socket_connect_timeout": connect_seconds}
    try:
        redis = Redis.from_url(url, **options)
    except ValueError:
        # What it complains about may be a part of a password.
        raise InvalidSetting("ANNALS_REDIS_URL is not possible: expected redis://host:6379/0") from None
    redis.connection_pool.connection_kwargs.update(options)
    return redis


class Availability:
    """Whether Redis does its part in a ``use`` of it. While it fails, one question now and then finds out.

    ``failing`` and ``working`` are what is logged when that changes.
    """

    def __init__(self, use: str, failing: str, working: str) -> None:
        self._failing = failing
        self._working = working
        self._down = False
        self._ask_again_at = 0.0
        self._up = UP.labels(use)
        self._up.set(1)  # until a question finds that it is not

    def may_ask(self) -> bool:
        """Tell whether to ask; of those who could while Redis fails, one is told so in each pause."""
        if not self._down:
            return True
        if _now() < self._ask_again_at:
            return False
        self._ask_again_at = _now() + PAUSE
        return True

    def fails(self, error: Exception) -> None:
        self._ask_again_at = _now() + PAUSE
        if not self._down:
            self._up.set(0)
            logger.warning(self._failing, error=repr(error))
        self._down = True

    def works(self) -> None:
        if self._down:
            self._up.set(1)
            logger.info(self._working)
        self._down = False


def _now() -> float:
    return asyncio.get_running_loop().time()
