"""``annals demo``: everything at work, in a terminal, in half a minute."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

import click
import uvloop
from rich.console import Console

from api.admin.administration import SYSTEM
from api.app import create_app
from api.cli.database import only_warnings
from api.cli.working import STOPPED
from api.composition import Node, open_node
from api.demo.checks import checks
from api.demo.client import Client, session_with
from api.demo.pictures import pictures, verdict
from api.demo.screen import Screen
from api.demo.story import PROCESS, Story, Told
from api.demo.views import GRAPH, HEATMAP, TABLE, TOTALS, VERSIONS, Views, ask
from api.listening import bound_sockets
from api.serving import Serving
from commands.access import ON_THE_MACHINE, IssueKey, RegisterTenant
from domain.access.events import Role
from domain.rejection import InvalidState
from infra.scratch_directory import scratch_directory
from infra.settings import Settings, read_settings

#: Columns of a picture where there is no terminal, and of the widest one.
WIDTH = 110


class Keys(NamedTuple):
    """One key for each part in the story, of the demo's own tenant; ``owner`` is the deployment's where it is known."""

    tenant: str
    operator: str
    worker: str
    viewer: str
    owner: str | None


@click.command()
@click.option("--keep", is_flag=True, help="Go on serving afterwards, until Ctrl-C.")
@click.option("--data-dir", metavar="DIRECTORY", help="Where data is kept (ANNALS_DATA_DIR); else it is thrown away.")
@click.option("--port", metavar="NUMBER", default="0", help="Port to listen on; any free one if it is not given.")
def demo(*, keep: bool, data_dir: str | None, port: str) -> None:
    """Run an order process with failing workers over HTTP, and show the five views of what went wrong.

    Everything is started for it, on a database of its own. It ends with 1 when two figures disagree.
    """
    console = Console() if Console().is_terminal else Console(width=WIDTH)
    configured = Path(data_dir) if data_dir else _configured_data_dir()
    try:
        with _directory(configured) as directory, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            settings = _settings(directory, port, clock_is_ours=configured is None)
            only_warnings(settings)
            agree = runner.run(_demonstrate(console, settings, keep=keep, lasting=configured is not None))
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo("stopped", err=True)
        raise SystemExit(STOPPED) from None
    if not agree:
        raise click.ClickException("the figures do not agree: that should never happen, please report it")


def _configured_data_dir() -> Path | None:
    configured = read_settings().data_dir
    return None if configured == Settings().data_dir else configured


@contextmanager
def _directory(configured: Path | None) -> Iterator[Path]:
    """Give the configured directory, or one that is gone afterwards."""
    if configured is not None:
        yield configured
        return
    with scratch_directory("demo") as directory:
        yield directory / "data"


def _settings(directory: Path, port: str, *, clock_is_ours: bool) -> Settings:
    """Read the settings, but for those that the demo decides: never another database, and every role it needs."""
    return read_settings(
        overrides={
            "data_dir": str(directory),
            "database_url": "off",
            "host": "127.0.0.1",
            "port": port,
            "roles": ",".join(Settings().roles),
            "task_executor_enabled": "true",
            "set_time_enabled": str(clock_is_ours).lower(),
        }
    )


async def _demonstrate(console: Console, settings: Settings, *, keep: bool, lasting: bool) -> bool:
    """Run the demo from start to stop; return whether all figures agree."""
    _cancel_on_sigterm()
    console.print("\n[bold]Annals[/]: an order process with failing workers, and what is seen of it\n")
    began = time.monotonic()
    async with _serving(settings) as (node, url):
        where = f"data in {settings.data_dir}" + ("" if lasting else ", thrown away afterwards")
        _done(console, f"started PostgreSQL and a node in {time.monotonic() - began:.1f} s: {url}, {where}")
        keys = await _admitted(node)
        _done(console, f"registered tenant {keys.tenant}, with keys of the roles operator, worker and viewer")
        views, told = await _played(console, url, keys, moves_clock=settings.set_time_enabled)
        found = checks(views, told)
        for picture in pictures(views):
            console.print(picture)
        console.print(verdict(found))
        _tell_how_to_go_on(console, url, keys, keep=keep, data_dir=settings.data_dir if lasting else None)
        if keys.owner and settings.bootstrap_key is None and (keep or lasting):
            console.print(f"\nOwner key of tenant default: {keys.owner}", highlight=False, soft_wrap=True)
        if keep:
            console.print("\nServing until Ctrl-C")
            await _until_stopped()
        console.print()
    return all(check.agrees for check in found)


@asynccontextmanager
async def _serving(settings: Settings) -> AsyncIterator[tuple[Node, str]]:
    with bound_sockets(settings) as sockets:
        async with open_node(settings) as node, Serving(create_app(node), settings, sockets, node.hurry) as serving:
            yield node, serving.url


async def _admitted(node: Node) -> Keys:
    """Register a tenant of the demo's own, with a key for each part."""
    administration = node.administration
    number, tenant = 1, "demo"
    while True:
        try:
            await administration.register_tenant(RegisterTenant(tenant, "Demo", "enterprise"), SYSTEM)
            break
        except InvalidState:  # an earlier demo on this data
            number += 1
            tenant = f"demo-{number}"

    async def key(role: Role) -> str:
        issued = await administration.issue_key(IssueKey(tenant, role, f"demo {role}"), ON_THE_MACHINE, SYSTEM)
        return str(issued.answer.key)

    owner = node.founded.key if node.founded else None
    return Keys(tenant, await key("operator"), await key("worker"), await key("viewer"), owner)


async def _played(console: Console, url: str, keys: Keys, *, moves_clock: bool) -> tuple[Views, Told]:
    """Play the story and ask for the views, all over HTTP."""
    began = time.monotonic()
    days = "the engine's clock is moved ahead a day between them" if moves_clock else "all of them today"
    console.print(f"  three days of orders, {days}; four workers", highlight=False)
    async with session_with(url) as session:
        operator, worker, viewer = (Client(session, key) for key in (keys.operator, keys.worker, keys.viewer))
        clock = Client(session, keys.owner) if moves_clock and keys.owner else None
        with Screen(console) as screen:
            told = await Story(operator, worker, clock, screen).play()
        views = await ask(viewer)
        requests = operator.requests + worker.requests + viewer.requests
    sentence = f"{told.jobs_done} jobs done, {told.retried} tried again, {told.incidents} given up"
    _done(console, f"{sentence}: {requests:,} requests in {time.monotonic() - began:.1f} s")
    console.print()
    return views, told


def _done(console: Console, sentence: str) -> None:
    console.print(f"[green]✓[/] {sentence}", highlight=False, soft_wrap=True)


def _tell_how_to_go_on(console: Console, url: str, keys: Keys, *, keep: bool, data_dir: Path | None) -> None:
    """Print what to ask next, of this server or of one on the data that stays."""
    if not keep and data_dir is None:
        console.print("\nTo ask for yourself: [bold]annals demo --keep[/] leaves it serving and prints the URLs")
        return
    if keep:
        console.print("\nGo on with")
    else:
        url = "http://127.0.0.1:8080"
        console.print(f"\nGo on with [bold]annals serve --data-dir {data_dir}[/], and", highlight=False, soft_wrap=True)
    console.print(f"  export KEY={keys.viewer}", highlight=False, soft_wrap=True)
    asked = f"processKey={PROCESS}&version=2"
    for path in (
        f"{VERSIONS}?processKey={PROCESS}",
        f"{HEATMAP}?{asked}",
        f"{TABLE}?{asked}&minResults=0&maxResults=20",
        f"{GRAPH}?{asked}",
        f"{TOTALS}?{asked}",
    ):
        console.print(f"  curl -H \"X-API-Key: $KEY\" '{url}{path}'", highlight=False, soft_wrap=True)
    console.print(f"  curl {url}/schema/openapi.json", highlight=False)


async def _until_stopped() -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await stopping.wait()


def _cancel_on_sigterm() -> None:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
