"""Work that takes a while at the terminal: how far it has come, and how it is stopped."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

#: The exit code of a command that Ctrl-C has stopped.
STOPPED = 130

Answer = TypeVar("Answer")


def until_stopped(work: Coroutine[Any, Any, Answer], sentence: str = "") -> Answer:
    """Do the work; Ctrl-C ends it with a sentence."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        if sentence:
            click.echo(sentence, err=True)
        raise SystemExit(STOPPED) from None


def bars(unit: str = "events") -> Progress:
    """Return room for bars; numbers are of ``unit``."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


@contextmanager
def bar(room: Progress, doing: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar; yield what is to be told how much is done, of how much. It is full when the block ends."""
    task = room.add_task(doing, total=None)
    yield lambda done, every: room.update(task, completed=done, total=every)
    total = room.tasks[task].total or 0
    room.update(task, completed=total, total=total)
