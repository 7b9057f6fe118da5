"""Answers of analytics that are asked again, in memory and, where nodes share one, in a Redis.

An answer is kept with the question (the tenant is a part of it, and so are name and version of the read model) and the
position of the log that it reflects. Whoever asks says which position the answer has to reflect, which is that of the
read model once it has come far enough; an answer from before is none. So nobody is told anything from here that the
read model would not tell as well.

Redis is not believed: what it holds is signed under a key of the deployment's, over question, position and answer, so
that anything else in its place, be it another tenant's answer, is none. When it fails, answers come from the read
model, and it is asked again by one question now and then.
"""

import asyncio
import hmac
from collections import OrderedDict
from typing import Any, NamedTuple, Protocol

import structlog
from prometheus_client import Counter
from redis.exceptions import RedisError, ResponseError

from infra.redis_client import Availability, redis_client
from infra.secret_key import SecretKey

#: What a process keeps in memory in all, and the largest answer that is kept, in bytes.
MEMORY_BYTES = 16 << 20
LARGEST = 256 << 10

#: Seconds that a question waits for Redis. The read models answer within a few milliseconds: it is not worth waiting
#: for longer.
PATIENCE = 0.05

#: Seconds after which an answer is forgotten: should a read model's tables have been damaged and built anew, nothing
#: that they said before is told for longer.
LIFE = 60

PURPOSE = b"annals answers"
SEAL_BYTES = 32
POSITION_BYTES = 8

FOUND = Counter("annals_kept_answers", "Answers of analytics that were kept from before, by where.", ["place"])

logger = structlog.get_logger(__name__)


class AnswerCache(Protocol):
    """Answers by question and position."""

    async def find(self, question: bytes, position: int) -> bytes | None:
        """Return the answer that reflects this position, none where there is none."""

    async def keep(self, question: bytes, position: int, answer: bytes) -> None:
        """Keep an answer; it takes the place of earlier ones to the question."""

    async def close(self) -> None:
        """Leave what it is connected to."""


class Kept(NamedTuple):
    """An answer, the position that it reflects, and when it is forgotten."""

    position: int
    answer: bytes
    until: float


class MemoryAnswers:
    """The answers of this process; those that nobody asked for longest make room for others."""

    def __init__(self, most_bytes: int = MEMORY_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[bytes, Kept] = OrderedDict()

    async def find(self, question: bytes, position: int) -> bytes | None:
        kept = self._kept.get(question)
        if kept is None or kept.position != position or kept.until < _now():
            return None
        self._kept.move_to_end(question)
        FOUND.labels("memory").inc()
        return kept.answer

    async def keep(self, question: bytes, position: int, answer: bytes) -> None:
        self._drop(question)
        if len(answer) > LARGEST:
            return
        self._kept[question] = Kept(position, answer, _now() + LIFE)
        self._bytes += len(question) + len(answer)
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    async def close(self) -> None:
        """Keep no connection."""

    def _drop(self, question: bytes) -> None:
        kept = self._kept.pop(question, None)
        if kept is not None:
            self._bytes -= len(question) + len(kept.answer)


class RedisAnswers:
    """The answers of all nodes of a deployment, in a Redis. Raise ``InvalidSetting`` for a URL of none.

    ``log`` names the log that positions are of: another database, or one that was restored, is another log.
    """

    def __init__(self, url: str, key: SecretKey, log: str, *, patience: float = PATIENCE) -> None:
        self._redis = redis_client(url)
        self._key = key.derived(PURPOSE)[0]
        self._log = log.encode()
        self._patience = patience
        self._availability = Availability(
            "answers", "answers are not shared between nodes", "answers are shared between nodes again"
        )

    async def find(self, question: bytes, position: int) -> bytes | None:
        name = self._name(question)
        sealed = await self._ask("GET", name)
        answer = self._opened(name, position, sealed) if isinstance(sealed, bytes) else None
        if answer is not None:
            FOUND.labels("redis").inc()
        return answer

    async def keep(self, question: bytes, position: int, answer: bytes) -> None:
        if len(answer) <= LARGEST:
            name = self._name(question)
            await self._ask("SET", name, self._sealed(name, position, answer), "EX", LIFE)

    async def close(self) -> None:
        await self._redis.aclose()

    def _name(self, question: bytes) -> bytes:
        """Return a name that tells nothing of the question; it is as long for every one of them."""
        return b"annals:answer:" + self._mac(self._log + b"\0" + question).hex().encode()

    def _sealed(self, name: bytes, position: int, answer: bytes) -> bytes:
        signed = position.to_bytes(POSITION_BYTES, "big") + answer
        return self._mac(name + signed) + signed

    def _opened(self, name: bytes, position: int, sealed: bytes) -> bytes | None:
        """Return the answer, if this was written by a node of the deployment for that name and position."""
        seal, signed = sealed[:SEAL_BYTES], sealed[SEAL_BYTES:]
        if signed[:POSITION_BYTES] != position.to_bytes(POSITION_BYTES, "big"):
            return None
        return signed[POSITION_BYTES:] if hmac.compare_digest(seal, self._mac(name + signed)) else None

    def _mac(self, text: bytes) -> bytes:
        return hmac.digest(self._key, text, "sha256")

    async def _ask(self, *words: bytes | str | int) -> Any:
        """Return what Redis says, none where it says nothing of use."""
        if not self._availability.may_ask():
            return None
        try:
            async with asyncio.timeout(self._patience):
                said = await self._redis.execute_command(*words)  # type: ignore[no-untyped-call]  # has no type
        except ResponseError as refusal:  # it is full, or holds something else under that name
            logger.debug("Redis keeps no answer", reason=repr(refusal))
            return None
        except (RedisError, OSError, TimeoutError, ValueError) as error:
            self._availability.fails(error)
            return None
        self._availability.works()
        return said


def _now() -> float:
    return asyncio.get_running_loop().time()
