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

#: More columns than any table has.
UNBOUNDED = 10_000


def console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=WIDE)


def visible(text: str) -> str:
    """Return a text in which nothing does anything to a terminal but the ends of lines."""
    return "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text)


def table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False)


def show(rows: Sequence[msgspec.Struct], *, as_json: bool, dim: str = "") -> None:
    """Print structs of one kind: a line of JSON each, or a table, dim where the member of that name says something.

    Where the terminal is too narrow for the table, each row is a block of lines: ids have to be read whole.
    """
    if as_json:
        for row in rows:
            click.echo(msgspec.json.encode(row))
        return
    screen, lines = console(), _across(rows, dim)
    wanted = screen.measure(lines, options=screen.options.update(width=UNBOUNDED)).maximum
    if wanted <= screen.width:
        screen.print(lines)
    elif screen.is_terminal:
        screen.print(_upright(rows, dim))
    else:
        Console(width=wanted).print(lines)


def _across(rows: Sequence[msgspec.Struct], dim: str) -> Table:
    lines = table()
    for name in rows[0].__struct_fields__ if rows else ():
        lines.add_column(_title(name))
    for row in rows:
        lines.add_row(*(_cell(getattr(row, name)) for name in row.__struct_fields__), style=_style(row, dim))
    return lines


def _upright(rows: Sequence[msgspec.Struct], dim: str) -> Table:
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="bold", no_wrap=True)
    lines.add_column(overflow="fold")
    for row in rows:
        for name in row.__struct_fields__:
            lines.add_row(_title(name), _cell(getattr(row, name)), style=_style(row, dim))
        lines.add_row()
    return lines


def _title(name: str) -> str:
    return name.replace("_", " ")


def _style(row: msgspec.Struct, dim: str) -> str:
    return "dim" if getattr(row, dim, "") else ""


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
