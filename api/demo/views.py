"""Asking the five insight views, and the engine, for what they say of the demo (contracts/incidents.md, 1.2)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from api.demo.client import Client
from api.demo.story import PROCESS

HEATMAP = "/incidents/heatmap"
VERSIONS = "/incidents/incident-version-graph"
TABLE = "/incidents/incidents-table"
GRAPH = "/incidents/incidents-graph"
TOTALS = "/incidents/total-counts"

#: Rows of the table in one window; more than the demo has incidents.
WINDOW = 1000

Row = Mapping[str, Any]


class OfVersion(NamedTuple):
    """The four views that are asked by version."""

    heatmap: Sequence[Row]
    table: Sequence[Row]
    graph: Sequence[Row]
    totals: Row


class Views(NamedTuple):
    """All that is shown; ``names`` are those of the elements, ``ended`` counts the instances that came to their end."""

    versions: Sequence[Row]
    of: Mapping[str, OfVersion]
    names: Mapping[str, str]
    incidents: Sequence[Row]
    ended: Mapping[str, int]
    instances: Mapping[str, int]


async def ask(client: Client) -> Views:
    """Ask for everything."""
    versions = await client.get(VERSIONS, processKey=PROCESS)
    elements = (await client.post("/elements/query", {}))["results"]
    instances = (await client.post("/process-instances/query?limit=10000", {}))["results"]
    names = [str(row["version"]) for row in versions]
    return Views(
        versions,
        {version: await _of(client, version) for version in names},
        {element["bpmnElementId"]: element.get("bpmnElementName", "") for element in elements},
        (await client.post("/incidents/query?limit=10000", {}))["results"],
        {name: sum(row["version"] == name and "endedAt" in row for row in instances) for name in names},
        {name: sum(row["version"] == name for row in instances) for name in names},
    )


async def _of(client: Client, version: str) -> OfVersion:
    asked = {"processKey": PROCESS, "version": version}
    return OfVersion(
        await client.get(HEATMAP, **asked),
        await client.get(TABLE, minResults=0, maxResults=WINDOW, **asked),
        await client.get(GRAPH, **asked),
        await client.get(TOTALS, **asked),
    )
