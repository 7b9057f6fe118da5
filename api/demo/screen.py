"""How the story goes, while it goes: a bar for each day."""

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from api.counting import counted
from api.demo.story import Day
from api.demo.workers import Workshop


class Screen:
    """Shows how the story goes: a bar for each day."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=10),
            MofNCompleteColumn(),
            TextColumn("[dim]{task.fields[jobs]}[/]"),
            console=console,
        )
        self._day: TaskID | None = None
        self._before = 0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def day(self, number: int, day: Day) -> None:
        if self._day is not None:
            self._before += int(self._bars.tasks[self._day].total or 0)
        description = f"day {number}, version {day.version}, {day.news}"
        self._day = self._bars.add_task(description, total=day.orders, jobs="")

    def going_on(self, started: int, workshop: Workshop) -> None:
        if self._day is not None:
            done = max(self._bars.tasks[self._day].completed, started - self._before)
            jobs = f"{counted(workshop.done, 'job')}, {workshop.given_up} given up"
            self._bars.update(self._day, completed=done, jobs=jobs)

    def said(self, sentence: str) -> None:
        """Leave the bars as they are and go on below them."""
        self._bars.stop()
        self._console.print(f"  {sentence}", highlight=False)
