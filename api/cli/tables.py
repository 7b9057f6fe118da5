"""Tables for the terminal, and for files and pipes, where nothing may be cut off."""

import sys

from rich import box
from rich.console import Console
from rich.table import Table

#: Columns of a terminal that is none.
WIDE = 200


def console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=WIDE)


def table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False)
