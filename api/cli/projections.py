"""``annals projections``: where the read models stand, building them anew, and comparing them with the log."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import click
import msgspec
from rich.table import Table

from api.cli.database import opened
from api.cli.tables import console, table, visible
from api.cli.working import Answer, bar, bars, until_stopped
from api.composition import holder
from api.counting import counted
from infra.following.beside import FactRefused, OnProgress
from infra.following.rebuilding import rebuild
from infra.following.standing import Standing, status
from infra.following.verifying import Difference, OtherVersion, verify
from infra.leases import Connections, LeaseLost
from projections.catalogue import READ_MODELS
from projections.read_model import ReadModel

NAMES = [model.name for model in READ_MODELS]
COLOURS = {"live": "green", "failed": "red", "outdated": "yellow", "missing": "yellow", "newer": "cyan"}

Work = Callable[[Connections, ReadModel, str, OnProgress], Awaitable[Answer]]


@click.group()
def projections() -> None:
    """List, rebuild and verify the read models."""


@projections.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one line for each.")
def list_projections(*, as_json: bool) -> None:
    """List the read models: where each stands in the log, and how far behind it is."""

    async def standings() -> Sequence[Standing]:
        async with opened() as node, node.pools.queries.acquire() as connection:
            return await status(connection, READ_MODELS)

    rows = asyncio.run(standings())
    if as_json:
        for row in rows:
            click.echo(msgspec.json.encode(row))
    else:
        console().print(_table(rows))


@projections.command("rebuild")
@click.argument("names", metavar="NAME...", nargs=-1, type=click.Choice(NAMES))
@click.option("--all", "every", is_flag=True, help="Rebuild every read model, one after the other.")
def rebuild_projections(names: tuple[str, ...], *, every: bool) -> None:
    """Build read models anew from the log, beside the live ones, then swap them in.

    Requests go on meanwhile, on the tables as they were. Ctrl-C stops it and leaves these tables in place.
    """
    chosen = _chosen(names, every=every)
    _with_progress("rebuilding", chosen, rebuild)
    click.echo(f"rebuilt {', '.join(model.name for model in chosen)}")


@projections.command("verify")
@click.argument("names", metavar="NAME...", nargs=-1, type=click.Choice(NAMES))
@click.option("--all", "every", is_flag=True, help="Verify every read model, one after the other.")
def verify_projections(names: tuple[str, ...], *, every: bool) -> None:
    """Compare the live tables with a rebuild from the log, row by row; exit with 1 when they differ.

    Requests go on meanwhile, and so do followers: both sides are compared at one position of the log.
    """
    chosen = _chosen(names, every=every)
    told = list(zip(chosen, _with_progress("verifying", chosen, _verified), strict=True))
    for difference in (found for _, verdict in told for found in verdict.differences):
        row = f"{difference.key}: is {difference.live}, the log says {difference.rebuilt}"
        click.echo(visible(f"{difference.table} {row}"))
    for model, verdict in told:
        if verdict.obstacle:
            click.echo(f"{model.name} could not be verified: {visible(verdict.obstacle)}", err=True)
    sound = [model.name for model, verdict in told if verdict == SOUND]
    if sound:
        click.echo(f"{', '.join(sound)}: as the log says")
    if len(sound) < len(told):
        raise click.ClickException(_summary([verdict for _, verdict in told]))


class Verdict(msgspec.Struct, frozen=True):
    """What came of a comparison: rows that differ, or why there was none."""

    differences: tuple[Difference, ...] = ()
    obstacle: str = ""


SOUND = Verdict()


async def _verified(pool: Connections, model: ReadModel, holder: str, on_progress: OnProgress) -> Verdict:
    """Compare one read model; what keeps it from being compared keeps no other one from it."""
    try:
        return Verdict(tuple(await verify(pool, model, holder, on_progress)))
    except (OtherVersion, LeaseLost, FactRefused) as error:
        return Verdict(obstacle=str(error))


def _summary(verdicts: Sequence[Verdict]) -> str:
    rows = sum(len(verdict.differences) for verdict in verdicts)
    unverified = sum(bool(verdict.obstacle) for verdict in verdicts)
    parts = [f"{counted(rows, 'row differs', 'rows differ')} from what the log says"] if rows else []
    left = f"{counted(unverified, 'read model')} could not be verified"
    return "; ".join([*parts, left] if unverified else parts)


def _chosen(names: tuple[str, ...], *, every: bool) -> list[ReadModel]:
    if bool(names) == every:
        raise click.UsageError("say which read models, or --all")
    return [model for model in READ_MODELS if every or model.name in names]


def _with_progress(doing: str, models: Sequence[ReadModel], work: Work[Answer]) -> list[Answer]:
    """Do the work on one read model after the other, with a bar for each; Ctrl-C stops it cleanly."""
    room = bars("facts")

    async def all_of_them() -> list[Answer]:
        async with opened() as node:
            with room:
                return [await one(node.pools.followers, model) for model in models]

    async def one(pool: Connections, model: ReadModel) -> Answer:
        with bar(room, f"{doing} {model.name}") as on_progress:
            return await work(pool, model, holder(), on_progress)

    return until_stopped(all_of_them(), "stopped; the live tables are as they were")


def _table(rows: Sequence[Standing]) -> Table:
    lines = table()
    lines.add_column("read model", style="bold", no_wrap=True)
    for name in ("version", "position", "head", "lag"):
        lines.add_column(name, justify="right")
    lines.add_column("state")
    for row in rows:
        state = f"[{COLOURS[row.state]}]{row.state}[/]"
        if row.error:
            state += f" at {row.failed_at}: {row.error}"
        if row.rebuilt_to is not None:
            state += f", being rebuilt, at {row.rebuilt_to}"
        lines.add_row(row.name, str(row.version), str(row.position), str(row.head), str(row.lag), state)
    return lines
