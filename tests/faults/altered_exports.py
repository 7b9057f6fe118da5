"""An exported log is imported as it is, with the same read models, and not at all once anything in it was changed.

A log that has lived through kills of server and database is exported and imported into an empty database: events,
decision tables and read models are the same there, byte for byte. Then the file is changed in one place at a time, at
random: bytes, lines, members of facts and envelopes, the end. Each of these has to be refused, and nothing may be
written. ``--unhashed`` is the control: without the hash at the end, changes that keep the form get through.

The long form, with its seed: ``python -m tests.faults.altered_exports --kills 10 --changes 1000``.
"""

import argparse
import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.progress import track

from api.cli.database import only_warnings
from infra.embedded_postgres import EmbeddedPostgres
from infra.event_feed import importing
from infra.event_feed.importing import ImportRefused
from infra.event_log.rebuilding import differences
from infra.migrating import migrate
from infra.scratch_directory import scratch_directory
from infra.settings import Settings
from tests.faults.killing import kill_under_load, summary
from tests.faults.verdicts import concluded
from tests.integration.exporting import EVENTS, REST, connected, exported, imported, read_models, rows

Lines = list[bytes]


def flip_a_bit(lines: Lines, at: int, chance: random.Random) -> Lines:
    line = bytearray(lines[at])
    line[chance.randrange(len(line))] ^= 1 << chance.randrange(8)
    return [*lines[:at], bytes(line), *lines[at + 1 :]]


def delete_a_line(lines: Lines, at: int, _: random.Random) -> Lines:
    return [*lines[:at], *lines[at + 1 :]]


def repeat_a_line(lines: Lines, at: int, _: random.Random) -> Lines:
    return [*lines[:at], lines[at], *lines[at:]]


def swap_two_lines(lines: Lines, at: int, chance: random.Random) -> Lines:
    other = chance.choice([number for number in range(len(lines)) if number != at])
    changed = list(lines)
    changed[at], changed[other] = lines[other], lines[at]
    return changed


def cut_off_the_rest(lines: Lines, at: int, chance: random.Random) -> Lines:
    return [*lines[:at], lines[at][: chance.randrange(len(lines[at]))]]


def change_an_envelope(lines: Lines, at: int, chance: random.Random) -> Lines:
    """Say that it was somebody else, or at another time, with everything else as it was."""
    names = (
        "tenant",
        "actorKind",
        "actorId",
        "happenedAt",
        "recordedAt",
        "correlationId",
        "causationId",
        "traceparent",
    )
    name = chance.choice(names)
    values = {"actorKind": "rule", "happenedAt": "2001-02-03T04:05:06Z", "recordedAt": "2001-02-03T04:05:06Z"}
    return _edited(lines, at, lambda told: told.update({name: values.get(name, "mallory")}))


def change_a_fact(lines: Lines, at: int, chance: random.Random) -> Lines:
    """Tell something else of what happened, in the same form."""

    def change(told: Any) -> None:
        data = told.get("data", told)
        texts = [name for name, value in data.items() if isinstance(value, str) and name != "sha256"]
        numbers = [name for name, value in data.items() if type(value) is int]
        if numbers and (not texts or chance.random() < 0.5):
            data[chance.choice(numbers)] += 1
        elif texts:
            data[chance.choice(texts)] += "x"
        else:
            data["more"] = 1  # what is stored may have members that a release does not know

    return _edited(lines, at, change)


def insert_a_line(lines: Lines, at: int, _: random.Random) -> Lines:
    """Put in something that never happened, with positions and versions behind it as they have to be."""
    new = json.loads(lines[0]) | {"position": at + 1, "stream": "alert-forged", "version": 1, "type": "alert.raised.v1"}
    new["data"] = {"incident": "forged"}
    later = [_with(line, position=number) for number, line in enumerate(lines[at:-1], at + 2)]
    return [*lines[:at], _line(new), *later, _with(lines[-1], end=len(lines))]


def _edited(lines: Lines, at: int, edit: Callable[[Any], None]) -> Lines:
    told = json.loads(lines[at])
    edit(told)
    return [*lines[:at], _line(told), *lines[at + 1 :]]


def _with(line: bytes, **members: Any) -> bytes:
    return _line(json.loads(line) | members)


def _line(told: Any) -> bytes:
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


CHANGES = (
    flip_a_bit,
    delete_a_line,
    repeat_a_line,
    swap_two_lines,
    cut_off_the_rest,
    change_an_envelope,
    change_a_fact,
    insert_a_line,
)


async def accepted_changes(
    target: str, lines: Lines, numbers: Iterable[int], seed: int
) -> tuple[Counter[str], list[str]]:
    """Try these changes; return what was said of them, with how often, and those that were not refused as they must."""
    said: Counter[str] = Counter()
    wrong: list[str] = []
    for number in numbers:
        chance = random.Random(f"{seed}-{number}")
        change = CHANGES[number % len(CHANGES)]
        altered = change(lines, chance.randrange(len(lines)), chance)
        if altered == lines:
            continue
        try:
            await imported(target, altered)
        except ImportRefused as refusal:
            said["hash" if "SHA-256" in str(refusal) else "form or order"] += 1
        except Exception as error:  # noqa: BLE001  (whatever it is, it is told with its change)
            wrong.append(f"change {number}, {change.__name__}: {error!r}")
        else:
            wrong.append(f"change {number}, {change.__name__}: was imported")
            await _emptied(target)
    return said, wrong


async def _emptied(dsn: str) -> None:
    async with connected(dsn) as connection:
        tables = await connection.fetch("select quote_ident(tablename) as name from pg_tables where schemaname = 'log'")
        kept = {"head", "migrations"}
        names = [f"log.{row['name']}" for row in tables if row["name"] not in kept]
        await connection.execute(f"truncate {', '.join(names)}; update log.head set position = 0")


async def same_as(source: str, target: str) -> list[str]:
    """Say where a log that was imported, or what is told from it, is not what it was."""
    found = [f"{query} differs" for query in (EVENTS, *REST) if await rows(source, query) != await rows(target, query)]
    async with connected(target) as connection:
        found += await differences(connection)
    here, there = await read_models(source), await read_models(target)
    return found + [f"read model {name} differs" for name in here if here[name] != there[name]]


def unhashed(patched: pytest.MonkeyPatch) -> None:
    """Have the end of a file be believed as long as it has the form of one: the control."""
    patched.setattr(importing, "last_line", lambda *_: _Anything())


class _Anything(bytes):
    def __add__(self, other: object) -> Any:
        return self

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]  # nobody looks it up


async def export_and_alter(directory: Path, kills: int, changes: int, seed: int, *, control: bool) -> int:
    """Run it; return the exit code."""
    history, violations = await kill_under_load(directory / "data", kills, seed)
    print(summary(history, kills, seed))
    assert not violations, violations
    async with EmbeddedPostgres(directory / "data") as server:
        target = server.dsn("imported")
        async with connected(server.dsn("postgres")) as connection:
            await connection.execute("create database imported")
        await migrate(target)
        head = await exported(server.dsn(), directory / "log")
        lines = (directory / "log").read_bytes().splitlines(keepends=True)
        with pytest.MonkeyPatch.context() as patched:
            if control:
                unhashed(patched)
            said, wrong = await accepted_changes(target, lines, track(range(changes), "changes"), seed)
        assert await imported(target, lines) == head
        wrong += await same_as(server.dsn(), target)
    told = f"{head} events; {sum(said.values())} of {changes} changes refused: {dict(said)}"
    return concluded(told, wrong, "all refused; events, decision tables and read models are the same, byte for byte")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--changes", type=int, default=1_000)
    parser.add_argument("--unhashed", action="store_true", help="the control: the hash at the end is not looked at")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args(arguments)
    only_warnings(Settings())
    with scratch_directory("export") as directory:
        run = export_and_alter(directory, options.kills, options.changes, options.seed, control=options.unhashed)
        return asyncio.run(run)


if __name__ == "__main__":
    sys.exit(main())
