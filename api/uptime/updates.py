"""``/api/incidents/{id}/updates``: the timeline of an incident, and comments (contracts/incidents.md 3.1, 3.6)."""

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.identity import OPERATE, READ
from api.incidents.documentation import NO_INCIDENT, NO_JSON, POSITION
from api.incidents.ids import INCIDENT_IDS
from api.incidents.ports import Tracking
from api.incidents.reading import read_incident
from api.incidents.requests import Incoming, TrackingRequest
from api.uptime.documentation import BAD_BODY, BAD_PARAMETER, CLOSED, AddUpdateOperation, ListRowsOperation, refused
from api.uptime.envelope import Success, succeeded, window
from api.uptime.incident_bodies import UpdateForm, commenting
from api.uptime.updates_view import SeveralUpdates, UpdateView, comment, update
from domain.identity import incident_stream
from projections.incident_list.projector import READ_MODEL as INCIDENT_LIST
from projections.incident_timeline.projector import READ_MODEL as INCIDENT_TIMELINE
from projections.incident_timeline.queries import count_timeline, timeline


class IncidentUpdates(Controller):
    """What is told of one incident beside itself."""

    path = "/api/incidents/{id:str}/updates"
    tags = ("uptime",)
    response_headers = (POSITION,)

    @get(
        operation_id="listIncidentUpdates",
        opt={"access": READ},
        operation_class=ListRowsOperation,
        responses=refused(BAD_PARAMETER, NO_INCIDENT),
        summary="Everything that happened to an incident, newest first",
    )
    async def updates(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the contract)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[Success[SeveralUpdates]]:
        """List comments too, also those that were made as notes elsewhere."""
        incoming = Incoming(request, tracking)
        asked, ulid = window(incoming.parameters), INCIDENT_IDS.in_path(id)
        position = await incoming.caught_up(INCIDENT_LIST, INCIDENT_TIMELINE)
        row = await read_incident(incoming, ulid)
        total = await count_timeline(tracking.database, row.tenant, row.incident)
        entries = await timeline(tracking.database, row.tenant, row.incident, limit=asked.limit, offset=asked.offset)
        shown = SeveralUpdates([update(entry) for entry in entries])
        return succeeded(shown, position, pagination=asked.of(total))

    @post(
        operation_id="addIncidentUpdate",
        opt={"access": OPERATE},
        operation_class=AddUpdateOperation,
        responses=refused(BAD_BODY, NO_INCIDENT, CLOSED, NO_JSON),
        summary="Comment on an incident",
    )
    async def add(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the contract)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[Success[UpdateView]]:
        """Add a comment, which is a note in the other APIs. A closed incident takes none."""
        incoming = Incoming(request, tracking)
        command = commenting(await incoming.body(UpdateForm))
        outcome = await incoming.send(command, INCIDENT_IDS.in_path(id))
        note = outcome.answer
        (recorded,) = await tracking.streams.read(incident_stream(note.incident), note.version - 1, 1)
        return succeeded(comment(note.incident, recorded), outcome.position, status=201)
