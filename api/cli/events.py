"""``annals events``: following the log at the terminal, and taking all of it out of one database into another."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from api.answers import json_bytes
from api.cli.database import opened, reached, require_tenant
from api.cli.working import bar, bars, until_stopped
from api.composition import Node
from api.counting import counted
from api.incidents.ids import INCIDENT_IDS
from api.subjects import stream_in
from domain.event_types import wanted_types
from domain.identity import incident_stream
from domain.topics import is_type
from infra.event_feed.cloud_events import cloud_event
from infra.event_feed.exporting import ExportFile, export
from infra.event_feed.importing import ImportRefused, import_log
from infra.event_feed.listening import Overrun
from infra.event_feed.pages import Bounds, Wanted
from infra.postgres import Link, connect

#: Seconds that a look for new events takes at most, so that Ctrl-C is heard.
LOOK = 0.5
AT_ONCE = Bounds(facts=1_000)


@click.group()
def events() -> None:
    """Follow, export and import the event log."""


@events.command("tail")
@click.option("--after", type=click.IntRange(0), help="Begin after this position; without it at the end of the log.")
@click.option(
    "--type",
    "types",
    multiple=True,
    metavar="TYPE",
    help="Only this type, or incident.* and the like; may be given several times.",
)
@click.option("--stream", help="Only this stream, by its name or by the id of what it is about, such as whk_<ULID>.")
@click.option("--process-key", help="Only this process of the tenant, by its BPMN id.")
@click.option("--incident", metavar="ID", help="Only this incident, inc_<ULID>.")
@click.option("--tenant", help="Only this tenant; without it all of them.")
@click.option("--no-follow", is_flag=True, help="Stop where the log ends now.")
def tail_events(after: int | None, *, no_follow: bool, **filters: Any) -> None:
    """Print events as they come, one CloudEvent a line, until Ctrl-C.

    Secrets are left out, as from the feed.
    """
    wanted = _wanted(**filters)

    async def tail() -> None:
        async with opened() as node:
            await require_tenant(node, wanted.tenant)
            head = await node.feed.pages.head_beyond(after or 0)
            await _printed(node, wanted, head if after is None else after, head if no_follow else None)

    try:
        until_stopped(tail(), "")
    except BrokenPipeError:  # whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@events.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export_events(file: Path) -> None:
    """Write the whole log, of all tenants, to FILE: one event a line, as it is stored, and a last line.

    An export that was broken off goes on where it was when it is started again. FILE holds what opens keys and intakes
    together with ANNALS_SECRET_KEY, so that nobody else may read it.
    """

    async def write() -> int:
        async with opened() as node:
            with ExportFile(file) as target, bars() as room, bar(room, "exporting") as on_progress:
                return await export(node.pools.queries, node.feed.pages, target, on_progress)

    number = until_stopped(write(), "stopped; the same command goes on from here")
    click.echo(f"exported {counted(number, 'event')} to {file}")


@events.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_events(file: Path) -> None:
    """Read a log from FILE into an empty database, verified line by line: all of it, or nothing.

    Keys and intakes open what they did under the same ANNALS_SECRET_KEY only. Read models are filled by the next
    `annals serve`, or by `annals projections rebuild --all`.
    """

    async def read() -> int:
        async with reached() as dsn:
            connection = await connect(dsn, Link(name="import", command_timeout=None))
            try:
                async with connection.transaction():
                    with bars() as room, file.open("rb") as lines:
                        task = room.add_task("importing", total=None)
                        return await import_log(connection, lines, lambda done: room.update(task, completed=done))
            finally:
                await connection.close()

    try:
        number = until_stopped(read(), "stopped; nothing has been imported")
    except PermissionError as error:
        raise ImportRefused(f"{file} cannot be read: {error.strerror}") from error
    click.echo(f"imported {counted(number, 'event')}")


async def _printed(node: Node, wanted: Wanted, after: int, upto: int | None) -> None:
    """Print what is wanted after a position, up to another one if there is one, else for ever."""
    source = await node.feed.source()
    async with node.feed.live.listening():
        listener = node.feed.listener(wanted, after)
        while upto is None or listener.position < upto:
            try:
                entries = await listener.more(LOOK, AT_ONCE)
            except Overrun:  # the terminal is slow; the past is in the database
                listener = node.feed.listener(wanted, listener.position)
                continue
            told = [entry for entry in entries if upto is None or entry.position <= upto]
            click.echo(b"".join(json_bytes(cloud_event(entry, source)) for entry in told), nl=False)


def _wanted(  # what the options say
    types: tuple[str, ...], stream: str | None, process_key: str | None, incident: str | None, tenant: str | None
) -> Wanted:
    unknown = [name for name in types if not is_type(name)]
    if unknown:
        raise click.UsageError(f"{unknown[0]} is not a type of event")
    if process_key is not None and tenant is None:
        raise click.UsageError("--process-key needs --tenant: processes of tenants may have the same names")
    stream = None if stream is None else stream_in(stream)
    if incident is not None:
        ulid = INCIDENT_IDS.ulid(incident)
        if ulid is None or stream not in (None, incident_stream(ulid)):
            raise click.UsageError(f"{incident} is not an incident of that stream")
        stream = incident_stream(ulid)
    return Wanted(tenant, wanted_types(types), stream, process_key)
