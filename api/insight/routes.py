"""The five views (contracts/incidents.md 1.2): each reads its parameters, waits for its read model and asks it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import ResponseHeader, State
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIType, Operation, Parameter, Schema

from api.answers import json_bytes
from api.identity import ANALYTICS
from api.insight.parameters import Parameters
from api.problems import ErrorForm
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


class Message(msgspec.Struct, frozen=True):
    """Why a request was refused."""

    message: str


#: Every error of this dialect.
MESSAGE = ErrorForm("application/json", lambda problem: Message(problem.detail))

INSIGHT_PATHS = frozenset(
    f"/incidents/{view}"
    for view in ("heatmap", "incident-version-graph", "incidents-table", "incidents-graph", "total-counts")
)


def _parameter(name: str, description: str, example: str, *, required: bool = False) -> Parameter:
    schema = Schema(type=OpenAPIType.STRING, examples=[example])
    return Parameter(name=name, param_in="query", schema=schema, description=description, required=required)


PROCESS_KEY = _parameter("processKey", "BPMN process id", "order", required=True)
VERSION = _parameter("version", "version of the process, compared as text", "1", required=True)
RANGE = (
    _parameter("startDate", "ISO 8601, included; UTC without a zone; a bare date is its start", "2026-11-01"),
    _parameter("endDate", "ISO 8601, included; UTC without a zone; a bare date is its end", "2026-11-30T23:59:59Z"),
)
RANKS = (
    _parameter("minResults", "rows of a rank greater than this; the newest has rank 1", "0", required=True),
    _parameter("maxResults", "rows up to this rank, at most 1,000 more than minResults", "20", required=True),
)


class Readings(Protocol):
    """Waiting for read models, so that queries see what was written before them."""

    async def caught_up(self, models: Sequence[str], min_position: int | None = None) -> int:
        """Return the position that answers from these read models reflect; raise ``Unavailable`` in time."""


AnalystRequest = Request[Caller, Any, State]


#: What a view may answer instead.
REFUSALS = {
    400: "a parameter is missing or cannot be read",
    401: "no valid credential",
    403: "the tenant's plan does not include analytics",
    503: "the read model is behind, or the database cannot be reached; Retry-After says when to try again",
}

UNLESS_DEPLOYED = "null when no process with that key and version is deployed"

POSITION = ResponseHeader(
    name="Annals-Position", documentation_only=True, description="position of the log that the answer reflects"
)


def _view(path: str, operation_id: str, summary: str, *parameters: Parameter) -> Callable[[Any], HTTPRouteHandler]:
    """Route a view and document it; its parameters are read by ``Parameters``, after the credential was checked."""

    @dataclass
    class ViewOperation(Operation):
        def __post_init__(self) -> None:
            self.parameters = list(parameters)

    return get(
        path,
        operation_id=operation_id,
        operation_class=ViewOperation,
        summary=summary,
        opt={"access": ANALYTICS},
        tags=["insight"],
        responses={status: ResponseSpec(Message, description=why) for status, why in REFUSALS.items()},
        response_headers=[POSITION],
    )


def insight_routes(readings: Readings, database: Database) -> Sequence[HTTPRouteHandler]:
    """Return the routes of the five views."""

    @_view(
        "/incidents/heatmap",
        "showHeatmap",
        f"Incidents and element instances of each activity; {UNLESS_DEPLOYED}",
        PROCESS_KEY,
        VERSION,
        *RANGE,
    )
    async def show_heatmap(request: AnalystRequest) -> Response[list[HeatmapRow] | None]:
        asked = Parameters(request.scope["query_string"])
        key, version, dates = asked.process_key, asked.version, asked.range
        return await answer(HEATMAP, heatmap, request.user.tenant, key, version, dates)

    @_view(
        "/incidents/incident-version-graph",
        "showVersionGraph",
        "Process instances and incidents of each version of a process; empty when none is deployed",
        PROCESS_KEY,
    )
    async def show_version_graph(request: AnalystRequest) -> Response[list[VersionRow]]:
        asked = Parameters(request.scope["query_string"])
        return await answer(VERSIONS, version_graph, request.user.tenant, asked.process_key)

    @_view(
        "/incidents/incidents-table",
        "showIncidentsTable",
        f"Incidents, newest first, in a window of ranks; {UNLESS_DEPLOYED}",
        PROCESS_KEY,
        VERSION,
        *RANKS,
        *RANGE,
    )
    async def show_table(request: AnalystRequest) -> Response[list[IncidentRow] | None]:
        asked = Parameters(request.scope["query_string"])
        key, version, ranks, dates = asked.process_key, asked.version, asked.ranks, asked.range
        return await answer(TABLE, incidents_table, request.user.tenant, key, version, dates, ranks)

    @_view(
        "/incidents/incidents-graph",
        "showIncidentsGraph",
        f"Incidents of each type on each UTC day that had any; {UNLESS_DEPLOYED}",
        PROCESS_KEY,
        VERSION,
        *RANGE,
    )
    async def show_graph(request: AnalystRequest) -> Response[list[GraphRow] | None]:
        asked = Parameters(request.scope["query_string"])
        key, version, dates = asked.process_key, asked.version, asked.range
        return await answer(GRAPH, incidents_graph, request.user.tenant, key, version, dates)

    @_view(
        "/incidents/total-counts",
        "showTotalCounts",
        f"Incidents and error start events in all; {UNLESS_DEPLOYED}",
        PROCESS_KEY,
        VERSION,
        *RANGE,
    )
    async def show_totals(request: AnalystRequest) -> Response[Totals | None]:
        asked = Parameters(request.scope["query_string"])
        key, version, dates = asked.process_key, asked.version, asked.range
        return await answer(TOTALS, totals, request.user.tenant, key, version, dates)

    async def answer(model: ReadModel, question: Callable[..., Awaitable[Any]], *asked: Any) -> Response[Any]:
        """Ask a read model that reflects everything written before this request."""
        position = await readings.caught_up((model.name,))
        body = json_bytes(await question(database, *asked))
        return Response(body, media_type="application/json", headers={POSITION.name: str(position)})

    return [show_heatmap, show_version_graph, show_table, show_graph, show_totals]
