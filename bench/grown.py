"""What commands cost on a log that has grown, against an empty one: ``python -m bench.grown --data-dir DIR``.

The data directory is one that ``bench.analytics`` has filled and followed. A server on it and one on a new directory
run the service scenario of ``bench.engine`` in turn, all roles running; the other one has nothing to do meanwhile. The
run ends with status 1 when the grown log finishes less than ``FLOOR`` times as many instances a second as the empty
one (medians of all rounds).
"""

import argparse
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.engine import Load, shares
from bench.serving import KEY, Served, serving
from infra.scratch_directory import scratch_directory

FLOOR = 0.8
WARMING_UP = 300

#: The parts of the CPU time that belong to the server.
PARTS = ("annals", "PostgreSQL")


class Round(NamedTuple):
    """What a run came to: instances a second, and microseconds of CPU time for each of them, by part."""

    rate: float
    cpu: Mapping[str, float]


def run(served: Served, options: argparse.Namespace, instances: int) -> Round:
    """Run the scenario once."""
    settled = argparse.Namespace(
        **{**vars(options), "url": served.url, "key": KEY, "instances": instances, "scenario": "service", "batch": 0}
    )
    before = shares(served.pid)
    with Progress(transient=True) as progress:
        began = time.perf_counter()
        uvloop.run(Load(settled, progress).run())
        seconds = time.perf_counter() - began
    used = {part: cpu - before[part] for part, cpu in shares(served.pid).items()}
    return Round(instances / seconds, {part: 1e6 * used[part] / instances for part in PARTS})


def report(rounds: Mapping[str, Sequence[Round]], options: argparse.Namespace) -> bool:
    """Print what was measured; tell whether the floor was held."""
    console = Console()
    table = Table("log", "instances/s", *(f"{part}, µs CPU" for part in PARTS))
    medians = {name: statistics.median(each.rate for each in found) for name, found in rounds.items()}
    for name, found in rounds.items():
        cpu = (statistics.median(each.cpu[part] for each in found) for part in PARTS)
        spread = f"{min(each.rate for each in found):,.0f} to {max(each.rate for each in found):,.0f}"
        table.add_row(name, f"{medians[name]:,.0f} ({spread})", *(f"{value:,.0f}" for value in cpu))
    console.print(f"{options.rounds} rounds of {options.instances} instances each, in turn, medians", table)
    ratio = medians["grown"] / medians["empty"]
    holds = ratio >= FLOOR
    console.print(f"[{'green' if holds else 'red'}]the grown log finishes {ratio:.2f} times as many as the empty one")
    return holds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data-dir", type=Path, required=True, help="a directory with a log that has grown")
    parser.add_argument("--instances", type=int, default=3_000, help="instances of each round")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--lock-limit", type=int, default=10)
    options = parser.parse_args()
    rounds: dict[str, list[Round]] = {"grown": [], "empty": []}
    with ExitStack() as stack:
        empty = stack.enter_context(scratch_directory("bench"))
        directories = {"grown": options.data_dir, "empty": empty / "d"}
        servers = {name: stack.enter_context(serving(directory)) for name, directory in directories.items()}
        for served in servers.values():
            run(served, options, WARMING_UP)
        for _ in range(options.rounds):
            for name, served in servers.items():
                rounds[name].append(run(served, options, options.instances))
    sys.exit(0 if report(rounds, options) else 1)


if __name__ == "__main__":
    main()
