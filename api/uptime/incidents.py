"""``/api/incidents``: listing, opening, changing and moving incidents (contracts/incidents.md 3.1)."""

from typing import Any

from litestar import Controller, Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.identity import OPERATE, READ
from api.incidents.documentation import NO_INCIDENT, NO_JSON, POSITION
from api.incidents.ids import INCIDENT_IDS
from api.incidents.ports import Tracking
from api.incidents.reading import read_incident
from api.incidents.requests import Incoming, TrackingRequest
from api.uptime.documentation import (
    BAD_BODY,
    BAD_PARAMETER,
    CLOSED,
    NO_MOVE,
    UNRESOLVED,
    AcknowledgeOperation,
    ChangeIncidentOperation,
    ChangeStatusOperation,
    ListIncidentsOperation,
    OpenIncidentOperation,
    refused,
)
from api.uptime.envelope import Success, succeeded
from api.uptime.incident_bodies import (
    ChangeForm,
    CreateForm,
    EmptyForm,
    StatusForm,
    acknowledging,
    changing,
    moving,
    opening,
)
from api.uptime.incident_view import OneIncident, SeveralIncidents, one, view
from api.uptime.listing import listing
from commands.handling import Outcome
from projections.incident_list.projector import READ_MODEL as INCIDENT_LIST
from projections.incident_list.queries import count_incidents, incidents_by_offset


class Incidents(Controller):
    """Incidents from whatever source, in uptime's words."""

    path = "/api/incidents"
    tags = ("uptime",)
    response_headers = (POSITION,)

    @get(
        operation_id="listUptimeIncidents",
        opt={"access": READ},
        operation_class=ListIncidentsOperation,
        responses=refused(BAD_PARAMETER),
        summary="Incidents of the tenant, in pages",
    )
    async def list_all(
        self, request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[Success[SeveralIncidents]]:
        """With `since` it lists what changed after a moment: poll with the newest `updated_at` seen."""
        incoming = Incoming(request, tracking)
        asked = listing(incoming.parameters)
        position = await incoming.caught_up(INCIDENT_LIST)
        total = await count_incidents(tracking.database, incoming.tenant, asked.filter)
        rows = await incidents_by_offset(
            tracking.database,
            incoming.tenant,
            asked.filter,
            sort=asked.sort,
            descending=asked.descending,
            limit=asked.window.limit,
            offset=asked.window.offset,
        )
        found = SeveralIncidents([view(row) for row in rows])
        return succeeded(found, position, pagination=asked.window.of(total))

    @get(
        "/{id:str}",
        operation_id="getUptimeIncident",
        opt={"access": READ},
        responses=refused(NO_INCIDENT),
        summary="An incident, and how long it lasted",
    )
    async def get_one(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the contract)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[Success[OneIncident]]:
        """`recovery_time_seconds` is null until it is resolved."""
        incoming = Incoming(request, tracking)
        ulid = INCIDENT_IDS.in_path(id)
        position = await incoming.caught_up(INCIDENT_LIST)
        return succeeded(one(await read_incident(incoming, ulid)), position)

    @post(
        operation_id="openUptimeIncident",
        opt={"access": OPERATE},
        operation_class=OpenIncidentOperation,
        responses=refused(BAD_BODY, UNRESOLVED, NO_JSON),
        summary="Report that something is wrong",
    )
    async def open(
        self, request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[Success[OneIncident]]:
        """Without `check_id` it is a manual incident, which needs a title; else the check resolves it."""
        incoming = Incoming(request, tracking)
        form = await incoming.body(CreateForm)
        return await _answer(incoming, await incoming.send(*opening(form, incoming.now)), 201)

    @put(
        "/{id:str}",
        operation_id="changeUptimeIncident",
        opt={"access": OPERATE},
        operation_class=ChangeIncidentOperation,
        responses=refused(BAD_BODY, NO_INCIDENT, CLOSED, NO_JSON),
        summary="Change severity, text or regions of an incident",
    )
    async def change(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the contract)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[Success[OneIncident]]:
        """Only what is given changes; `affected_regions` takes the place of the list. The status has its own way."""
        incoming = Incoming(request, tracking)
        command = changing(await incoming.body(ChangeForm))
        return await _answer(incoming, await incoming.send(command, INCIDENT_IDS.in_path(id)))

    @put(
        "/{id:str}/status",
        operation_id="moveUptimeIncident",
        opt={"access": OPERATE},
        operation_class=ChangeStatusOperation,
        responses=refused(BAD_BODY, NO_INCIDENT, NO_MOVE, NO_JSON),
        summary="Acknowledge, resolve or close an incident",
    )
    async def move(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the contract)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[Success[OneIncident]]:
        """Open may be acknowledged or resolved, acknowledged resolved or closed, resolved closed; nothing else."""
        incoming = Incoming(request, tracking)
        command = moving(await incoming.body(StatusForm), incoming.caller)
        return await _answer(incoming, await incoming.send(command, INCIDENT_IDS.in_path(id)))

    @post(
        "/{id:str}/acknowledge",
        operation_id="acknowledgeUptimeIncident",
        opt={"access": OPERATE},
        status_code=200,
        operation_class=AcknowledgeOperation,
        responses=refused(BAD_BODY, NO_INCIDENT, NO_MOVE, NO_JSON),
        summary="Take an open incident",
    )
    async def acknowledge(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the contract)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[Success[OneIncident]]:
        """Like the status `acknowledged`, with a note of its own; the caller becomes the assignee. No body."""
        incoming = Incoming(request, tracking)
        if await incoming.raw():
            await incoming.body(EmptyForm)
        command = acknowledging(incoming.caller)
        return await _answer(incoming, await incoming.send(command, INCIDENT_IDS.in_path(id)))


async def _answer(incoming: Incoming, outcome: Outcome, status: int = 200) -> Response[Any]:
    """Answer with the incident as it is after a command."""
    position = await incoming.caught_up(INCIDENT_LIST, after=outcome)
    return succeeded(one(await read_incident(incoming, outcome.answer)), position, status=status)
