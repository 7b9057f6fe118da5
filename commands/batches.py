"""Many commands in one request: what importers and workers do most (beyond contracts/engine.md, in its style).

Each item is a command of its own, with an outcome of its own. All are sent at once, so that the writer puts those that
do not conflict into as few appends as there is room for.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Iterable, Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from commands.handling import Asker, Commands, Outcome
from commands.instances import StartProcessInstance
from commands.intents import EntityId, Intent
from commands.jobs import CompleteJob
from domain.event import Actor
from domain.identity import Int32


class StartProcessInstances(Intent, frozen=True):
    """Start up to 1,000 instances (operation ``createProcessInstances``)."""

    items: tuple[StartProcessInstance, ...] = ()


class JobReport(CompleteJob, frozen=True):
    """The report about one job, which it names itself."""

    partition: date | None = None
    id: Int32 = 0


class CompleteJobs(Intent, frozen=True):
    """Report up to 1,000 locked jobs as done or as failed (operation ``completeJobs``)."""

    items: tuple[JobReport, ...] = ()


class BatchOutcome(NamedTuple):
    """What became of each item, in their order: its outcome, or what kept it from having one."""

    items: Sequence[Outcome | Exception]

    @property
    def position(self) -> int:
        """The position of the last fact of all items."""
        return max((item.position for item in self.items if isinstance(item, Outcome)), default=0)


_REPORTED = len(msgspec.structs.fields(CompleteJob))


async def start_instances(commands: Commands, command: StartProcessInstances, asker: Asker) -> BatchOutcome:
    """Start the instances; the answers are ``Instance`` outlines."""
    return await _each(
        commands.send(item, _for_item(asker, item.worker_id, number)) for number, item in enumerate(command.items)
    )


async def complete_jobs(commands: Commands, command: CompleteJobs, asker: Asker) -> BatchOutcome:
    """Take the reports; the answers are ``JobAnswer``. Of several reports about one job the first counts."""
    turns: defaultdict[EntityId, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def complete(number: int, item: JobReport) -> Outcome:
        job = _job(item)
        async with turns[job]:
            return await commands.send(_completion(item), _for_item(asker, item.worker_id, number), job)

    return await _each(complete(number, item) for number, item in enumerate(command.items))


def _for_item(asker: Asker, worker_id: str, number: int) -> Asker:
    """Give an item its worker, and its part of the idempotency key: what a header cannot hold parts the two."""
    key = f"{asker.idempotency_key}\0{number}" if asker.idempotency_key else ""
    return asker._replace(actor=Actor("worker", worker_id), idempotency_key=key)


def _completion(report: JobReport) -> CompleteJob:
    """Return the report without the job's name, which the command's target is; inherited members come first."""
    return CompleteJob(*msgspec.structs.astuple(report)[:_REPORTED])


def _job(report: JobReport) -> EntityId:
    assert report.partition is not None  # noqa: S101  (required of every item)
    return EntityId(report.partition, report.id)


async def _each(sent: Iterable[Awaitable[Outcome]]) -> BatchOutcome:
    """Wait for all of them: one that is refused does not keep the others from taking effect."""
    outcomes = await asyncio.gather(*sent, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, Exception):
            raise outcome
    return BatchOutcome([outcome for outcome in outcomes if isinstance(outcome, Outcome | Exception)])
