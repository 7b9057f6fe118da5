"""What the engine's API needs of the rest of the program; the composition gives it once, at start."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

from commands.handling import Commands
from infra.replaying.causes import Causes
from infra.replaying.replays import Replays
from projections.database import Database


class Decryption(Protocol):
    """Reading encrypted variables."""

    def decrypt(self, text: str, associated_data: str) -> str:
        """Return the text that was encrypted at this very place; raise ``InvalidInput`` where no key opens it."""


class Readings(Protocol):
    """Waiting for read models, so that queries see what was written before them."""

    async def caught_up(self, models: Sequence[str], min_position: int | None = None) -> int:
        """Return the position that answers from these read models reflect; raise ``Unavailable`` in time."""


class Engine(NamedTuple):
    """The engine as its API sees it.

    ``database`` is where queries read. ``obstacle`` says why this node should get no requests now, and is empty while
    it should. ``take_time`` sets this node's clock by the log. ``fingerprint`` tells requests apart without telling
    what is in them. ``engine_id`` is the engine's name where it runs tasks; ``task_retry_limit`` says how often a
    failing one is tried again. ``replays`` and ``causes`` tell histories.
    """

    commands: Commands
    readings: Readings
    database: Database
    cipher: Decryption
    obstacle: Callable[[], Awaitable[str]]
    take_time: Callable[[], Awaitable[None]]
    fingerprint: Callable[[bytes], str]
    engine_id: str
    replays: Replays
    causes: Causes
    task_retry_limit: int = 0
    set_time_enabled: bool = False
