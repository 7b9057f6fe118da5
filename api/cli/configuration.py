"""``annals settings`` and ``annals version``."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

import click

from api.cli.tables import console, table
from infra.settings import describe, read_settings, unknown_variables


@click.command()
def settings() -> None:
    """List every setting, its variable and its value; secrets are masked.

    The text of a secret may also come from a file, whose path is in the variable with _FILE after it.
    """
    lines = table()
    lines.add_column("variable", style="bold", no_wrap=True)
    lines.add_column("value")
    lines.add_column("meaning", style="dim")
    for row in describe(read_settings()):
        changed = row.value != row.default
        variable = f"{row.variable}[dim] or _FILE[/dim]" if row.secret else row.variable
        lines.add_row(variable, f"[green]{row.value}[/green]" if changed else row.value, row.meaning)
    console().print(lines)
    for variable in unknown_variables():
        console().print(f"[yellow]{variable} is not a setting[/yellow]")


@click.command()
def version() -> None:
    """Print the version."""
    try:
        click.echo(f"annals {version_of('annals')}")
    except PackageNotFoundError:
        click.echo("annals, not installed")
