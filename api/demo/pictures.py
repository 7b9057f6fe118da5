"""The five views in a terminal: tables, and bars as long as what they count."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from api.demo.checks import Check
from api.demo.story import PROCESS
from api.demo.views import GRAPH, HEATMAP, TABLE, TOTALS, VERSIONS, Row, Views

#: A colour and a character each, so that bars can be told apart without colours too.
ACTIVE, RESOLVED, CANCELED, PLAIN = ("red", "█"), ("green", "▓"), ("bright_black", "░"), ("cyan", "█")
Ink = tuple[str, str]

#: Characters of the longest bar (a terminal of 80 columns has room for it), rows of the table that are shown, and
#: activities of a version at least.
LONGEST = 22
SHOWN = 8
FEWEST = 5


def pictures(views: Views) -> Sequence[RenderableType]:
    """Return the five views, in the order in which one looks at them."""
    return [_totals(views), _versions(views), _heatmap(views), _graph(views), _table(views)]


def verdict(found: Sequence[Check]) -> RenderableType:
    """Say for each figure whether all that count it agree."""
    lines = Table.grid(padding=(0, 2))
    for check in found:
        values = set(check.said.values())
        mark = Text("✓", "green") if check.agrees else Text("✗", "bold red")
        if check.agrees:
            said = Text(f"{values.pop()}: {', '.join(check.said)}", "dim")
        else:
            said = Text(", ".join(f"{who} {value}" for who, value in check.said.items()), "red")
        lines.add_row(mark, check.figure, said)
    agree = all(check.agrees for check in found)
    title = "The figures agree" if agree else "The figures do not agree"
    return Panel(lines, title=title, border_style="green" if agree else "red", title_align="left", expand=False)


def _framed(title: str, path: str, body: RenderableType) -> Panel:
    return Panel(
        body, title=f"[bold]{title}[/]", subtitle=f"[dim]GET {path}[/]", title_align="left", subtitle_align="left"
    )


def _columns(*names: str, right: Sequence[str] = ()) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in names:
        table.add_column(name, justify="right" if name in right else "left", no_wrap=True)
    return table


def _bar(parts: Mapping[Ink, int], most: int) -> Text:
    """Draw a bar of several inks; whatever is not 0 is seen."""
    text = Text()
    for (colour, character), count in parts.items():
        text.append(character * (max(1, round(count * LONGEST / most)) if count else 0), colour)
    return text


def _heatmap(views: Views) -> Panel:
    most = max((row["totalIncidents"] for of in views.of.values() for row in of.heatmap), default=1) or 1
    parts: list[RenderableType] = []
    for version, of in views.of.items():
        parts += [Text(f"version {version}", "bold"), _activities(of.heatmap, views.names, most), Text()]
    legend = Text.assemble(("█ active  ", "red"), ("▓ resolved  ", "green"), ("░ canceled", "bright_black"))
    return _framed("Where it breaks", f"{HEATMAP}?processKey={PROCESS}&version=…", Group(*parts, legend))


def _activities(rows: Sequence[Row], names: Mapping[str, str], most: int) -> RenderableType:
    """Draw the activities with incidents, and a few more; the others are counted."""
    breaking = sum(row["totalIncidents"] > 0 for row in rows)
    shown = rows[: max(breaking, FEWEST)]
    table = _columns("activity", "instances", "incidents", "per 100", "", right=("instances", "incidents", "per 100"))
    for row in shown:
        incidents, instances = row["totalIncidents"], row["instanceCount"]
        name = names.get(row["actId"]) or row["actId"]
        style = "" if incidents else "dim"
        rate = _per_100(incidents, instances)
        table.add_row(name, str(instances), str(incidents), rate, _bar(_states(row), most), style=style)
    others = len(rows) - len(shown)
    return Group(table, Text(f"and {others} more without incidents", "dim")) if others else table


def _states(row: Row) -> Mapping[Ink, int]:
    return {
        ACTIVE: row["activeIncidents"],
        RESOLVED: row["completedIncidents"],
        CANCELED: row["canceledIncidents"],
    }


def _per_100(incidents: int, instances: int) -> str:
    return f"{100 * incidents / instances:.0f}" if incidents and instances else ""


def _versions(views: Views) -> Panel:
    most = max((row["processInstanceCount"] for row in views.versions), default=1) or 1
    table = _columns("version", "", "count", "per 100", "", right=("count", "per 100"))
    for row in views.versions:
        instances, incidents = row["processInstanceCount"], row["incidentCount"]
        table.add_row(str(row["version"]), "instances", str(instances), "", _bar({PLAIN: instances}, most))
        rate = _per_100(incidents, instances)
        table.add_row("", "incidents", str(incidents), rate, _bar({ACTIVE: incidents}, most))
    return _framed("Which version breaks more often", f"{VERSIONS}?processKey={PROCESS}", table)


def _graph(views: Views) -> Panel:
    rows = [(row, version) for version, of in views.of.items() for row in of.graph]
    most = max((row["totalInstances"] for row, _ in rows), default=1) or 1
    table = _columns("day", "version", "type", "incidents", "", right=("incidents",))
    for row, version in sorted(rows, key=lambda pair: (pair[0]["date"], pair[1])):
        day = datetime.fromtimestamp(row["date"] / 1000, UTC).strftime("%a %d %b %Y")
        bar = _bar({ACTIVE: row["totalInstances"]}, most)
        table.add_row(day, version, row["incidentType"], str(row["totalInstances"]), bar)
    return _framed("When it broke", f"{GRAPH}?processKey={PROCESS}&version=…", table)


def _table(views: Views) -> Panel:
    incidents = sorted(
        ((incident, version) for version, of in views.of.items() for incident in of.table),
        key=lambda pair: pair[0]["createTime"],
        reverse=True,
    )
    table = _columns("created", "activity", "version", "instance", "state")
    for incident, version in incidents[:SHOWN]:
        created, ended = incident["createTime"], incident["endTime"]
        state = Text("active", "red")
        if ended is not None:
            state = Text(f"resolved, {_lasted(ended - created)}", "green")
        table.add_row(_clock(created), incident["activity"], version, incident["procInstId"], state)
    rest = Text(f"and {len(incidents) - SHOWN} more", "dim") if len(incidents) > SHOWN else Text()
    path = f"{TABLE}?processKey={PROCESS}&version=…&minResults=0&maxResults=20"
    return _framed("The newest incidents", path, Group(table, rest))


def _totals(views: Views) -> Panel:
    table = _columns("version", "incidents", "error start events", right=("incidents", "error start events"))
    for version, of in views.of.items():
        table.add_row(version, f"[bold]{of.totals['totalIncidents']}[/]", str(of.totals["totalExceptions"]))
    return _framed("In all", f"{TOTALS}?processKey={PROCESS}&version=…", table)


def _clock(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%d %b %H:%M")


def _lasted(milliseconds: int) -> str:
    """Say how long, in the unit that fits."""
    seconds = milliseconds / 1000
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"
