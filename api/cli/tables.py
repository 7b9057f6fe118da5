"""Tables for the terminal, and for files and pipes, where nothing may be cut off."""

import sys
from collections.abc import Sequence

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

#: Columns of a terminal that is none.
WIDE = 200


def console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=WIDE)


def visible(text: str) -> str:
    """Return a text in which nothing does anything to a terminal but the ends of lines."""
    return "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text)


def table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False)


def show(rows: Sequence[msgspec.Struct], *, as_json: bool, dim: str = "") -> None:
    """Print structs of one kind: a line of JSON each, or a table, dim where the member of that name says something."""
    if as_json:
        for row in rows:
            click.echo(msgspec.json.encode(row))
        return
    lines = table()
    for row in rows:
        cells = {name: getattr(row, name) for name in row.__struct_fields__}
        if not lines.columns:
            for name in cells:
                lines.add_column(name.replace("_", " "))
        lines.add_row(*map(_cell, cells.values()), style="dim" if cells.get(dim) else "")
    console().print(lines)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else ""
        case list() | tuple():
            return ", ".join(value)
        case _:
            return str(value)
