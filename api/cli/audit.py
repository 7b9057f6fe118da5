"""``annals audit``: whether history still is what it was, and the hash that shows it."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from api.cli.database import opened
from api.cli.working import bar, bars, until_stopped
from api.composition import Node, holder
from infra.audit.findings import Findings
from infra.audit.heads import Head, NotAHead, chained_head, head_in, keep, kept_heads
from infra.audit.verifying import verify_decision_tables, verify_log, verify_read_model
from infra.audit.walking import OnProgress, Walked
from infra.postgres import Link, connect
from projections.catalogue import READ_MODELS


@click.group()
def audit() -> None:
    """Verify that history is what it was."""


@audit.command("head")
def show_head() -> None:
    """Print the head of the chain of hashes, POSITION:HASH, to be kept where nobody can change it."""

    async def last() -> Any:
        async with opened() as node:
            return await chained_head(node.pools.queries)

    found = asyncio.run(last())
    if found is None:
        raise click.ClickException("nothing has been chained yet: a running node with the role followers does that")
    click.echo(found.head)


def _head(_context: click.Context, _parameter: click.Parameter, texts: Sequence[str]) -> Sequence[Head]:
    try:
        return [head_in(text) for text in texts]
    except NotAHead as error:
        raise click.BadParameter(str(error)) from error


def _room(_context: click.Context, _parameter: click.Parameter, file: Path | None) -> Path | None:
    """Refuse a file that could not be made, before hours of work and not after them."""
    if file is not None and not file.parent.is_dir():
        raise click.BadParameter(f"there is no directory {file.parent}")
    return file


@audit.command("verify")
@click.option(
    "--head",
    "heads",
    metavar="POSITION:HASH",
    multiple=True,
    callback=_head,
    help="A head that was kept elsewhere; may be given several times.",
)
@click.option(
    "--keep",
    "file",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    callback=_room,
    help="Compare with the heads in this file, then add today's to it, if all is well.",
)
@click.option("--log-only", is_flag=True, help="Leave out the tables that are made from the log.")
@click.option("--json", "as_json", is_flag=True, help="Print findings as JSON, one a line.")
def verify(heads: Sequence[Head], file: Path | None, *, log_only: bool, as_json: bool) -> None:
    """Verify the log and everything made from it; exit with 1 when anything is not as it has to be.

    Streams are versions 1, 2, 3 to where they are known to end, positions have no gap, every event can be read and is
    what it was when it was chained, kept heads hold, decision tables and read models are what the log says. Requests
    and appends go on meanwhile.
    """
    findings = Findings()
    try:
        kept = [*heads, *(kept_heads(file) if file else ())]
    except NotAHead as error:
        raise click.ClickException(f"{file}: {error}") from error
    walked = until_stopped(_verified(findings, kept, log_only=log_only), "stopped; nothing has been changed")
    for finding in findings:
        click.echo(msgspec.json.encode(finding) if as_json else finding)
    if findings:
        raise click.ClickException(f"not all is as it has to be: {len(findings)} found")
    if file is not None:
        _keep(file, walked.heads, max((head.position for head in kept), default=-1))
    click.echo(f"all is as it has to be up to position {walked.head.position}", err=as_json)
    if walked.chained < walked.head.position:
        click.echo(f"events behind position {walked.chained} are not chained yet", err=True)
    click.echo(walked.head)


def _keep(file: Path, heads: Iterable[Head], last: int) -> None:
    try:
        keep(file, [head for head in heads if head.position > last])
    except OSError as error:
        raise click.ClickException(f"nothing is wrong, but {file} cannot be written: {error.strerror}") from error


async def _verified(findings: Findings, kept: Sequence[Head], *, log_only: bool) -> Walked:
    async with opened() as node:
        session = await connect(node.dsn, Link(name="audit", command_timeout=None))
        try:
            with _bar("log") as on_progress:
                walked = await verify_log(session, findings, kept, on_progress)
            if not log_only:
                await _verify_tables(node, session, findings)
            return walked
        finally:
            await session.close()


async def _verify_tables(node: Node, session: Any, findings: Findings) -> None:
    with _bar("decision tables") as on_progress:
        await verify_decision_tables(session, findings, on_progress)
    for model in READ_MODELS:
        with _bar(model.name) as on_progress:
            await verify_read_model(node.pools.followers, model, holder(), findings, on_progress)


@contextmanager
def _bar(what: str) -> Iterator[OnProgress]:
    """Show how far a part has come."""
    with bars() as room, bar(room, f"verifying {what}") as on_progress:
        yield on_progress
