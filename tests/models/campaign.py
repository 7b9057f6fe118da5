"""Thousands of random models: ``python -m tests.models.campaign --models 2000 --paths 3 [--seed 7]``.

Each model has a seed of its own, from ``--seed`` on; what goes wrong is printed with the command that shows it again,
step by step. It can be stopped at any time, and tells what it has seen so far.
"""

import argparse
import asyncio
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from domain.bpmn.graph import ElementType
from tests.models.walking import Walk, walk

#: So many failures are told in full.
TOLD = 10


class Tally:
    """What the walks of a campaign came to."""

    def __init__(self) -> None:
        self.walks = self.steps = self.facts = 0
        self.instances: Counter[str] = Counter()
        self.waits: Counter[str] = Counter()
        self.reached: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.wrong: list[tuple[int, int, Walk]] = []

    def add(self, model_seed: int, path: int, done: Walk) -> None:
        self.walks += 1
        self.steps += len(done.told)
        self.facts += done.facts
        self.instances += done.instances
        self.waits += done.waits
        self.reached += done.reached
        self.refused += done.refused
        if done.wrong:
            self.wrong.append((model_seed, path, done))

    def report(self, seconds: float) -> str:
        unclassified = sum("unclassified" in done.wrong for _, _, done in self.wrong)
        return "\n".join(
            (
                f"{self.walks} walks, {self.steps} steps, {self.facts} facts in {seconds:.0f} s",
                f"elements reached: {_listed(self.reached)}",
                f"elements never reached: {', '.join(sorted(set(ElementType) - self.reached.keys())) or 'none'}",
                f"instances by state: {_listed(self.instances)}",
                f"element instances left by what they wait for: {_listed(self.waits)}",
                f"refused: {_listed(self.refused)}",
                f"walks with something unclassified: {unclassified}",
                f"walks that went wrong: {len(self.wrong)}",
                *(failure(*wrong) for wrong in self.wrong[:TOLD]),
            )
        )


def _listed(numbers: Counter[str]) -> str:
    return ", ".join(f"{what or 'nothing'} {number}" for what, number in numbers.most_common())


def failure(model_seed: int, path: int, done: Walk) -> str:
    """Tell what went wrong, and how to see it again."""
    again = f"python -m tests.models.campaign --seed {model_seed} --models 1 --path {path} --told"
    return f"\nmodel {model_seed}, path {path}, after {len(done.told)} steps: {done.wrong}\n  again: {again}"


async def run(
    seed: int, models: int, paths: range, each: Callable[[], None] = lambda: None, *, most_wrong: int = 1_000
) -> Tally:
    """Walk the paths of models with consecutive seeds; a stopped run gives what it has."""
    tally = Tally()
    try:
        for model_seed in range(seed, seed + models):
            for path in paths:
                tally.add(model_seed, path, await walk(model_seed, path))
                each()
                await asyncio.sleep(0)  # lets Ctrl-C through
                if len(tally.wrong) >= most_wrong:
                    return tally
    except asyncio.CancelledError:
        print("stopped")
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=2000)
    parser.add_argument("--paths", type=int, default=3)
    parser.add_argument("--path", type=int, help="walk this path only")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000_000))
    parser.add_argument("--told", action="store_true", help="tell every step")
    given = parser.parse_args()
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(f"seed {given.seed}")
    paths = range(given.paths) if given.path is None else range(given.path, given.path + 1)
    columns = (TextColumn("walks"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    began = time.monotonic()
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("walks", total=given.models * len(paths))
        tally = asyncio.run(run(given.seed, given.models, paths, lambda: progress.advance(bar)))
    if given.told:
        for _, _, done in tally.wrong:
            console.print("\n".join(f"{number}. {step}" for number, step in enumerate(done.told, 1)))
    console.print(tally.report(time.monotonic() - began))
    sys.exit(1 if tally.wrong else 0)


if __name__ == "__main__":
    main()
