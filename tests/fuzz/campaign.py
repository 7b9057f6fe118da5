"""Thousands of generated requests against a node: ``python -m tests.fuzz.campaign --requests 20000 [--seed 7]``.

What it prints can be had again with the seed that it prints first, as far as the node's answers lead chance.
"""

import argparse
import asyncio
import secrets
import sys
import time
from collections.abc import Iterator
from itertools import count

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from infra.scratch_directory import scratch_directory
from tests.faults.node import KEY
from tests.fuzz.generating import EVERYWHERE, INCIDENTS, OTHERS, Figures, Round, attack
from tests.fuzz.target import attacked

#: Below so many requests the enumeration of every field's limits, which takes 4,000, is left out.
WITH_COVERAGE = 5_000

AREAS = {"all": EVERYWHERE, "incidents": INCIDENTS, "others": OTHERS}


def rounds(requests: int, seed: int, area: str = EVERYWHERE) -> Iterator[Round]:
    """Yield what to do until there are enough: examples and limits once, then chance and links by turns."""
    yield Round(("examples", "stateful"), 20, seed, area)
    if requests >= WITH_COVERAGE:
        yield Round(("coverage",), 1, seed, area)
    for number in count(1):
        yield Round(("fuzzing", "stateful"), 15 if requests < WITH_COVERAGE else 40, seed + number, area)


def report(figures: Figures, seconds: float) -> str:
    statuses = ", ".join(f"{status}: {number}" for status, number in sorted(figures.statuses.items()))
    succeeded = ", ".join(f"{name} {number}" for name, number in sorted(figures.succeeded.items()))
    checks = ", ".join(sorted(figures.checks))
    return "\n".join(
        (
            f"{figures.requests} requests in {seconds:.0f} s",
            f"answers by status: {statuses}",
            f"answers of 5xx: {len(figures.server_errors)}",
            f"deviations from the document: {len(figures.deviations)}",
            f"not answered: {len(figures.broken_off)}",
            f"checked, {max(figures.checks.values(), default=0)} times each: {checks}",
            f"operations that succeeded, how often: {succeeded}",
            *figures.wrong[:20],
        )
    )


async def run(requests: int, seed: int, area: str, console: Console) -> bool:
    """Attack a fresh node and tell what came of it; return whether all is as it should be."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with scratch_directory("campaign") as directory:
        async with attacked(directory) as target:
            began = time.monotonic()
            with Progress(*columns, console=console) as progress:
                bar = progress.add_task("requests", total=requests)
                figures = await asyncio.to_thread(
                    attack,
                    target.node.url,
                    KEY,
                    rounds(requests, seed, area),
                    requests,
                    lambda told: progress.update(bar, completed=told.requests),
                )
            console.print(report(figures, time.monotonic() - began), markup=False, highlight=False, soft_wrap=True)
            console.print(f"memory of the node: {target.memory()} MB")
    console.print("the node is well, its read models are what the log says, it has logged no error", soft_wrap=True)
    return not figures.wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--area", choices=AREAS, default="all")
    arguments = parser.parse_args()
    console = Console()
    console.print(f"seed {arguments.seed}", highlight=False)
    sys.exit(0 if asyncio.run(run(arguments.requests, arguments.seed, AREAS[arguments.area], console)) else 1)


if __name__ == "__main__":
    main()
