"""``annals replay``: the facts of a stream one by one, with the state after each."""

import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

import click
import msgspec

from api.answers import json_bytes
from api.cli.database import opened
from api.cli.tables import visible
from api.cli.working import until_stopped
from api.histories import HistoryFact, history_fact
from api.subjects import stream_in
from infra.replaying.causes import Causes
from infra.replaying.replays import Replays, Step, is_replayable

#: Facts whose causes are looked up together.
PART = 100

Paths = Mapping[str, Any]


@click.command()
@click.argument("stream")
@click.option("--to", "last", type=click.IntRange(1), metavar="VERSION", help="Stop after this fact.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, a line for each fact, with the whole state after it."
)
def replay(stream: str, last: int | None, *, as_json: bool) -> None:
    """Tell the facts of STREAM, what caused each, and the state after it.

    What the state has become is told by its members that changed, and as a whole at the end. STREAM is the subject of
    events, such as instance-2026-11-23-1, or the id of what it is about: 2026-11-23/1 of a process instance,
    inc_<ULID>, chk_<ULID>, rule_<ULID>, whk_<ULID>. Secrets are left out; what is encrypted stays encrypted.
    """
    named = stream_in(stream)
    if not named.isprintable() or not is_replayable(named):
        raise click.UsageError(f"{stream!a} is not the name of a stream, nor the id of what has one")
    try:
        until_stopped(_told(named, last, as_json=as_json))
    except BrokenPipeError:  # whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def _told(stream: str, last: int | None, *, as_json: bool) -> None:
    async with opened() as node:
        replays = Replays(node.pools.queries, most_kept=0)
        length = await replays.length_of(stream)
        if not length:
            raise click.ClickException(f"there is no stream {stream}")
        if last is not None and last > length:
            raise click.ClickException(f"{stream} ends at version {length}")
        state: Any = None
        async for fact in _facts(replays, Causes(node.pools.queries), stream, last or length):
            if as_json:
                click.echo(json_bytes(fact), nl=False)
            else:
                before, state = state, msgspec.json.decode(fact.state)
                click.echo("\n".join(_lines(fact, before, state)))
        if not as_json:
            click.echo(f"\nstate after version {last or length}:\n{_pretty(state)}")


async def _facts(replays: Replays, causes: Causes, stream: str, last: int) -> AsyncIterator[HistoryFact]:
    part: list[Step] = []
    async for step in replays.steps(stream):
        part.append(step)
        if len(part) == PART or step.fact.version == last:
            found = await causes.of([each.fact for each in part])
            for each in part:
                yield history_fact(each, found.get(each.fact.position))
            part = []
        if step.fact.version == last:
            return


def _lines(fact: HistoryFact, before: Any, state: Any) -> Iterator[str]:
    """Yield a fact, and what it changed, as lines for people."""
    head = click.style(f"{fact.version}  {fact.type}", bold=True)
    yield f"{head}  {fact.happened_at}  by {fact.actor.kind} {visible(fact.actor.id)}, position {fact.position}"
    if fact.cause is not None:
        because = f"{fact.cause.type}, {fact.cause.stream}/{fact.cause.version}, position {fact.cause.position}"
        yield f"     because of {because}"
    yield f"     {_one_line(fact.data)}"
    for path, (was, now) in sorted(changes(before, state).items()):
        yield f"     {path}: {was} -> {now}"


def changes(before: Any, after: Any) -> Mapping[str, Sequence[str]]:
    """Return the members, however deep, that differ between two states: what they were, and what they are."""
    old, new = dict(_members(before)), dict(_members(after))
    return {
        path: (old.get(path, "nothing"), new.get(path, "nothing"))
        for path in old.keys() | new.keys()
        if old.get(path) != new.get(path)
    }


def _members(state: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the members of a state that have none themselves, by their paths, as JSON."""
    if isinstance(state, dict) and state:
        for name, member in state.items():
            yield from _members(member, f"{path}.{name}" if path else name)
    elif state is not None or path:
        yield path, _one_line(state)


def _one_line(value: Any) -> str:
    return visible(msgspec.json.encode(value).decode())


def _pretty(value: Any) -> str:
    return visible(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
