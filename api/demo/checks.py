"""Do the figures agree? Each is asked of at least two views that count it in their own way."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from api.demo.story import Told
from api.demo.views import OfVersion, Row, Views


class Check(NamedTuple):
    """A figure, and what each that counts it says of it."""

    figure: str
    said: Mapping[str, int]

    @property
    def agrees(self) -> bool:
        return len(set(self.said.values())) == 1


def checks(views: Views, told: Told) -> list[Check]:
    """Compare the views with each other, with the engine's own lists, and with what the demo did."""
    found = [check for version in views.of for check in _of_version(version, views, told)]
    unresolved = sum("resolvedAt" not in incident for incident in views.incidents)
    active = sum(_sum(of.heatmap, "activeIncidents") for of in views.of.values())
    return [
        *found,
        Check(
            "all incidents",
            {
                "heatmap": sum(_sum(of.heatmap, "totalIncidents") for of in views.of.values()),
                "version graph": _sum(views.versions, "incidentCount"),
                "table": sum(len(of.table) for of in views.of.values()),
                "graph": sum(_sum(of.graph, "totalInstances") for of in views.of.values()),
                "totals": sum(of.totals["totalIncidents"] for of in views.of.values()),
                "engine": len(views.incidents),
                "workers": told.incidents,
            },
        ),
        Check(
            "unresolved incidents", {"heatmap": active, "engine": unresolved, "people": told.incidents - told.resolved}
        ),
    ]


def _of_version(version: str, views: Views, told: Told) -> Iterator[Check]:
    of = views.of[version]
    row = next(row for row in views.versions if str(row["version"]) == version)
    started = next((at["instanceCount"] for at in of.heatmap if at["actId"] == "order_received"), 0)
    yield Check(
        f"version {version}: instances",
        {
            "version graph": row["processInstanceCount"],
            "heatmap": started,
            "engine": views.instances[version],
            "demo": told.instances[version],
        },
    )
    yield Check(
        f"version {version}: incidents",
        {
            "heatmap": _sum(of.heatmap, "totalIncidents"),
            "version graph": row["incidentCount"],
            "table": len(of.table),
            "graph": _sum(of.graph, "totalInstances"),
            "totals": of.totals["totalIncidents"],
        },
    )
    yield Check(
        f"version {version}: resolved incidents",
        {
            "heatmap": _sum(of.heatmap, "completedIncidents"),
            "table": sum(incident["endTime"] is not None for incident in of.table),
        },
    )
    stuck = {incident["procInstId"] for incident in of.table if incident["endTime"] is None}
    yield Check(
        f"version {version}: ended, or waiting at an incident",
        {"engine and table": views.ended[version] + len(stuck), "version graph": row["processInstanceCount"]},
    )
    counted, listed = _by_activity(of), _in_table(of)
    yield Check(
        f"version {version}: activities with incidents",
        {"heatmap": len(counted), "table": len(listed), "with the same number in both": len(counted & listed)},
    )


def _by_activity(of: OfVersion) -> set[tuple[str, int]]:
    return {(row["actId"], row["totalIncidents"]) for row in of.heatmap if row["totalIncidents"]}


def _in_table(of: OfVersion) -> set[tuple[str, int]]:
    return set(Counter(incident["activityId"] for incident in of.table).items())


def _sum(rows: Iterable[Row], name: str) -> int:
    return sum(row[name] for row in rows)
