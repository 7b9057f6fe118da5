"""A node that can be had to wait or to stop where it matters: ``python -m tests.faults.waylaid`` serves one.

It says in the names of its sessions which process it is. Its leases are lost sooner, so that nobody has to wait long
for a holder that is paused. And it is slow to hear of that: what it does until then only the fence prevents.

A file beside its data directory, ``<data directory>.<point>``, waylays it. With facts in hand, it waits ``before`` or
``inside`` the transaction that applies them for as long as the file is there. With ``facts``, or with a ``decision`` of
any role before it is appended, it takes the file away and stops itself.

With ``UNFENCED`` in its environment it neither looks at its lease nor at where the read models stand when it writes:
the control.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from api.cli import main
from infra import leases, postgres
from infra.event_log import writer
from infra.following import applying, batches, turn

#: Seconds until a lease is lost, instead of ten.
TTL = 3

SERVE = (sys.executable, "-m", "tests.faults.waylaid")

#: A step of the node: what is awaited where it can be waylaid.
Step = Callable[..., Awaitable[Any]]

ADVANCE_UNFENCED = """
with lease as (select true where $1::text <> '' and $2::bigint > 0)
update log.followers as follower
   set position = $6, failed_at = null, error = null, failed_since = null
  from lease, unnest($3::text[], $4::integer[]) as moved (name, version)
 where follower.name = moved.name and follower.version = moved.version and $5::bigint >= 0
returning follower.name
"""


def waiting(step: Step, point: str) -> Step:
    """Have a step wait before it is taken, for as long as the file of that point is there."""

    async def waited(*arguments: Any) -> Any:
        while _file_of(point).exists():  # noqa: ASYNC110  (a file tells nobody)
            await asyncio.sleep(0.01)
        return await step(*arguments)

    return waited


def stopping(step: Step, point: str) -> Step:
    """Have the node stop before a step is taken, once for each time that the file of that point is made."""

    async def stopped(*arguments: Any) -> Any:
        asked = _file_of(point)
        if asked.exists():
            asked.unlink()
            os.kill(os.getpid(), signal.SIGSTOP)
        return await step(*arguments)

    return stopped


def _file_of(point: str) -> Path:
    return Path(f"{os.environ['ANNALS_DATA_DIR']}.{point}")  # noqa: TID251  (whoever has started us has set it)


def named(link: postgres.Link, options: Callable[[postgres.Link], Any] = postgres.Link.options) -> Any:
    """Take the place of ``Link.options``."""
    told = options(link)
    told["server_settings"]["application_name"] += f" #{os.getpid()}"
    return told


async def heard_late(*arguments: Any, renew: Step = leases.renew) -> Any:
    """Take the place of ``leases.renew``."""
    kept = await renew(*arguments)
    await asyncio.sleep(0 if kept else 1)
    return kept


def waylay() -> None:
    """Put all of this in its place."""
    for place, name, replacement in (
        (leases, "renew", heard_late),
        (postgres.Link, "options", named),
        (turn.Turn, "_apply", waiting(stopping(turn.Turn._apply, "facts"), "before")),
        (applying, "project", waiting(stopping(applying.project, "facts"), "inside")),
        (writer.Writer, "append", stopping(writer.Writer.append, "decision")),
        (postgres, "IDLE_IN_TRANSACTION", f"{TTL}s"),
    ):
        setattr(place, name, replacement)
    leases.Lease.__init__.__kwdefaults__["ttl"] = TTL  # type: ignore[index]  # it has some
    if "UNFENCED" in os.environ:  # noqa: TID251  (no setting)
        batches.SQL["advance"] = ADVANCE_UNFENCED  # type: ignore[index]  # nobody but us writes it


if __name__ == "__main__":
    waylay()
    sys.argv[1:] = ["serve"]
    main()
