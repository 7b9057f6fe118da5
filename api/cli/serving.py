"""``annals serve``."""

import asyncio

import click
import structlog
import uvloop

from api.composition import Node
from api.serving import serve as run
from infra.settings import read_settings, unknown_variables
from infra.telemetry import configure_logging

log = structlog.get_logger()


@click.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on (ANNALS_HOST, 127.0.0.1).")
@click.option("--port", metavar="NUMBER", help="Port to listen on, 0 for any free one (ANNALS_PORT, 8080).")
@click.option(
    "--data-dir", metavar="DIRECTORY", help="Directory of the embedded PostgreSQL (ANNALS_DATA_DIR, .annals)."
)
@click.option("--roles", metavar="LIST", help="What this node does (ANNALS_ROLES, all but prober).")
def serve(**options: str | None) -> None:
    """Start everything and answer requests, until SIGTERM or Ctrl-C.

    Without ANNALS_DATABASE_URL a PostgreSQL of its own is started below the data directory.
    """
    settings = read_settings(overrides={name: text for name, text in options.items() if text is not None})
    configure_logging(settings)
    for variable in unknown_variables():
        log.warning("this variable is not a setting", variable=variable)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(settings, _greet))


def _greet(node: Node, url: str) -> None:
    """Say where it listens, and on the very first start who may come in."""
    click.echo(f"Annals listens on {url}", err=True)
    if node.founded is None:
        return
    if node.settings.bootstrap_key is None:
        click.echo(f"Owner key of tenant default, shown this once:\n\n    {node.founded.key}\n", err=True)
    else:
        click.echo("The owner key of tenant default is the one in ANNALS_BOOTSTRAP_KEY", err=True)
