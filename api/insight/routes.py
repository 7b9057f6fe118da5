"""The five views (contracts/incidents.md 1.2): each reads its parameters, waits for its read model and asks it.

Where no process with the key and version asked for is deployed, the answer is ``null``; of an unknown key no versions
are listed.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
from litestar import Controller, Request, Response, Router, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide

from api.answers import json_bytes
from api.identity import ANALYTICS
from api.insight.documentation import MESSAGE, POSITION, REFUSALS, OfProcess, OfRanks, OfVersion
from api.insight.parameters import Parameters
from domain.access.caller import Caller
from projections.database import Database
from projections.insight_heatmap.projector import READ_MODEL as HEATMAP
from projections.insight_heatmap.queries import HeatmapRow, heatmap
from projections.insight_incidents_graph.projector import READ_MODEL as GRAPH
from projections.insight_incidents_graph.queries import GraphRow, incidents_graph
from projections.insight_incidents_table.projector import READ_MODEL as TABLE
from projections.insight_incidents_table.queries import IncidentRow, incidents_table
from projections.insight_totals.projector import READ_MODEL as TOTALS
from projections.insight_totals.queries import Totals, totals
from projections.insight_versions.projector import READ_MODEL as VERSIONS
from projections.insight_versions.queries import VersionRow, version_graph
from projections.read_model import ReadModel

__all__ = ["INSIGHT_PATHS", "MESSAGE", "Readings", "insight_routes"]

INSIGHT_PATHS = frozenset(
    f"/incidents/{view}"
    for view in ("heatmap", "incident-version-graph", "incidents-table", "incidents-graph", "total-counts")
)

AnalystRequest = Request[Caller, Any, State]


class Readings(Protocol):
    """Waiting for read models, so that queries see what was written before them."""

    async def caught_up(self, models: Sequence[str], min_position: int | None = None) -> int:
        """Return the position that answers from these read models reflect; raise ``Unavailable`` in time."""


class Answers(Protocol):
    """Answers that were given before."""

    async def find(self, question: bytes, position: int) -> bytes | None:
        """Return the answer that reflects this position, none where there is none."""

    async def keep(self, question: bytes, position: int, answer: bytes) -> None:
        """Keep an answer."""


class Views(NamedTuple):
    """Where the views are asked."""

    readings: Readings
    database: Database
    answers: Answers

    async def answer(
        self, model: ReadModel, question: Callable[..., Awaitable[Any]], asked: Parameters, *arguments: Any
    ) -> Response[Any]:
        """Ask a read model once it reflects everything that was written before the request.

        The arguments, of which the tenant is one, say what it is asked for. Nobody asks it for anything else.
        """
        position = await self.readings.caught_up((model.name,), asked.min_position)
        asked_before = msgspec.json.encode((model.name, model.version, *arguments))
        body = await self.answers.find(asked_before, position)
        if body is None:
            body = json_bytes(await question(self.database, *arguments))
            await self.answers.keep(asked_before, position, body)
        return Response(body, media_type="application/json", headers={POSITION.name: str(position)})


class Insight(Controller):
    """``/incidents``, as analysts see them."""

    path = "/incidents"
    tags = ("insight",)
    response_headers = (POSITION,)

    @get(
        "/heatmap",
        operation_id="showHeatmap",
        opt={"access": ANALYTICS},
        operation_class=OfVersion,
        responses=REFUSALS,
        summary="Incidents and element instances of each activity of a version",
    )
    async def heatmap(
        self, request: AnalystRequest, views: NamedDependency[Views]
    ) -> Response[list[HeatmapRow] | None]:
        """``null`` when no process with this key and version is deployed."""
        asked = Parameters(request)
        return await views.answer(HEATMAP, heatmap, asked, *asked.process_version, asked.range)

    @get(
        "/incident-version-graph",
        operation_id="showVersionGraph",
        opt={"access": ANALYTICS},
        operation_class=OfProcess,
        responses=REFUSALS,
        summary="Process instances and incidents of each version of a process",
    )
    async def versions(self, request: AnalystRequest, views: NamedDependency[Views]) -> Response[list[VersionRow]]:
        """In the order of their numbers where all versions are numbers, else in the order of deployment."""
        asked = Parameters(request)
        return await views.answer(VERSIONS, version_graph, asked, *asked.process)

    @get(
        "/incidents-table",
        operation_id="showIncidentsTable",
        opt={"access": ANALYTICS},
        operation_class=OfRanks,
        responses=REFUSALS,
        summary="Incidents of a version, newest first, in a window of ranks",
    )
    async def table(self, request: AnalystRequest, views: NamedDependency[Views]) -> Response[list[IncidentRow] | None]:
        """``null`` when no process with this key and version is deployed."""
        asked = Parameters(request)
        return await views.answer(TABLE, incidents_table, asked, *asked.process_version, asked.range, asked.ranks)

    @get(
        "/incidents-graph",
        operation_id="showIncidentsGraph",
        opt={"access": ANALYTICS},
        operation_class=OfVersion,
        responses=REFUSALS,
        summary="Incidents of a version of each type on each UTC day that had any",
    )
    async def graph(self, request: AnalystRequest, views: NamedDependency[Views]) -> Response[list[GraphRow] | None]:
        """``null`` when no process with this key and version is deployed."""
        asked = Parameters(request)
        return await views.answer(GRAPH, incidents_graph, asked, *asked.process_version, asked.range)

    @get(
        "/total-counts",
        operation_id="showTotalCounts",
        opt={"access": ANALYTICS},
        operation_class=OfVersion,
        responses=REFUSALS,
        summary="Incidents and error start events of a version in all",
    )
    async def totals(self, request: AnalystRequest, views: NamedDependency[Views]) -> Response[Totals | None]:
        """``null`` when no process with this key and version is deployed."""
        asked = Parameters(request)
        return await views.answer(TOTALS, totals, asked, *asked.process_version, asked.range)


def insight_routes(readings: Readings, database: Database, answers: Answers) -> Sequence[Router]:
    """Return the routes of the five views."""
    views = Views(readings, database, answers)
    return [Router("/", route_handlers=[Insight], dependencies={"views": Provide(lambda: views, sync_to_thread=False)})]
