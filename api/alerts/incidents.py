"""``/api/alerts/incidents``: the incidents of a tenant, whatever opened them (contracts/incidents.md 4.2, 0.6)."""

from litestar import Controller, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.alerts.bodies import (
    DEFAULT_LIMIT,
    LONGEST_NOTE,
    MOST_INCIDENTS,
    WORK_LISTED,
    WORK_SHOWN,
    AlertIncidentAnswer,
    AlertIncidentsAnswer,
    MoveForm,
    NoteForm,
)
from api.alerts.documentation import REFUSED_MOVE, ListIncidents, MoveAlertIncident, NoteOnAlertIncident, refused_with
from api.alerts.telling import told
from api.identity import OPERATE, READ
from api.incidents.answering import answered
from api.incidents.documentation import POSITION
from api.incidents.ids import INCIDENT_IDS, RULE_IDS
from api.incidents.parameters import Parameters
from api.incidents.ports import Tracking
from api.incidents.reading import read_incident
from api.incidents.requests import Incoming, TrackingRequest
from api.refusals import InvalidBody
from commands.handling import Outcome
from commands.incident_changes import AddNote
from commands.incident_fields import text
from commands.incident_moves import MoveIncident
from domain.identity import INT32_MAX
from domain.incidents.dialects import ALERTS
from domain.rejection import InvalidInput
from projections.incident_list.projector import READ_MODEL as LIST
from projections.incident_list.queries import Filter, count_incidents, incidents_by_offset
from projections.incident_timeline.projector import READ_MODEL as TIMELINE
from projections.incident_timeline.queries import work_on

OPEN = Filter(statuses=ALERTS.shown_as("open"))

NO_RULE = "none"


class AlertIncidents(Controller):
    """Incidents as alerts sees them: its words, its moves, notes, and the history of its statuses."""

    path = "/api/alerts/incidents"
    tags = ("alerts",)
    response_headers = (POSITION,)

    @get(
        operation_id="listAlertIncidents",
        opt={"access": READ},
        operation_class=ListIncidents,
        responses=refused_with(400, 401, 429, 503),
        summary="List incidents, the one fired last first",
    )
    async def show_all(
        self, request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[AlertIncidentsAnswer]:
        """`openCount` counts all open incidents of the tenant, whatever is filtered by."""
        incoming = Incoming(request, tracking)
        parameters = incoming.parameters
        limit = parameters.number("limit", DEFAULT_LIMIT, 1, MOST_INCIDENTS)
        skip = parameters.number("skip", 0, 0, INT32_MAX)
        wanted = _filter(parameters)
        position = await incoming.caught_up(LIST, TIMELINE)
        db, tenant = tracking.database, incoming.tenant
        rows = await incidents_by_offset(
            db, tenant, wanted, sort="created_at", descending=True, limit=limit, offset=skip
        )
        work = await work_on(db, tenant, [row.incident for row in rows], WORK_LISTED)
        incidents = [told(row, work.get(row.incident, ())) for row in rows]
        return answered(AlertIncidentsAnswer(incidents, await count_incidents(db, tenant, OPEN)), position)

    @get(
        "/{incident_id:str}",
        operation_id="getAlertIncident",
        opt={"access": READ},
        responses=refused_with(400, 401, 404, 429, 503),
        summary="Get an incident",
    )
    async def show(
        self, incident_id: FromPath[str], request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[AlertIncidentAnswer]:
        ulid = INCIDENT_IDS.in_path(incident_id)
        return await _shown(Incoming(request, tracking), ulid)

    @patch(
        "/{incident_id:str}",
        operation_id="moveAlertIncident",
        opt={"access": OPERATE},
        operation_class=MoveAlertIncident,
        responses={**refused_with(401, 403, 404, 409, 415, 429, 503), **REFUSED_MOVE},
        summary="Move an incident to another status",
    )
    async def move(
        self, incident_id: FromPath[str], request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[AlertIncidentAnswer]:
        """Try the failed job of a process again where its incident is resolved, or closed without having been."""
        incoming = Incoming(request, tracking)
        form = await incoming.body(MoveForm)
        ulid = INCIDENT_IDS.in_path(incident_id)
        return await _shown(incoming, ulid, await incoming.send(MoveIncident("alerts", form.status), ulid))

    @post(
        "/{incident_id:str}/notes",
        operation_id="addAlertNote",
        opt={"access": OPERATE},
        status_code=200,
        operation_class=NoteOnAlertIncident,
        responses=refused_with(400, 401, 403, 404, 409, 415, 429, 503),
        summary="Write a note on an incident, closed ones too",
    )
    async def note(
        self, incident_id: FromPath[str], request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[AlertIncidentAnswer]:
        """Blanks around the note are not kept."""
        incoming = Incoming(request, tracking)
        content = _content(await incoming.body(NoteForm))
        ulid = INCIDENT_IDS.in_path(incident_id)
        return await _shown(incoming, ulid, await incoming.send(AddNote("alerts", content, LONGEST_NOTE), ulid))


async def _shown(incoming: Incoming, ulid: str, after: Outcome | None = None) -> Response[AlertIncidentAnswer]:
    """Answer with an incident, once everything written before, or this command, can be seen in it."""
    position = await incoming.caught_up(LIST, TIMELINE, after=after)
    row = await read_incident(incoming, ulid)
    work = await work_on(incoming.tracking.database, incoming.tenant, [ulid], WORK_SHOWN)
    return answered(AlertIncidentAnswer(told(row, work.get(ulid, ()))), position)


def _filter(parameters: Parameters) -> Filter:
    status = parameters.word("status", ALERTS.words)
    severity = parameters.word("severity", ALERTS.ranks)
    return Filter(
        statuses=ALERTS.shown_as(status) if status else (),
        ranks=ALERTS.ranks_shown_as(severity) if severity else (),
        rule_id=_rule(parameters.text("ruleId")),
    )


def _rule(rule_id: str | None) -> str | None:
    """Return the ULID of a rule; of what is no id of a rule, one that no rule has."""
    return None if rule_id is None else RULE_IDS.ulid(rule_id) or NO_RULE


def _content(form: NoteForm) -> str:
    """Return the note, which has to say something."""
    content = form.content
    if not isinstance(content, str) or not content.strip():
        raise InvalidBody("note content is required")
    causes = tuple(text("#/content", content, 1, LONGEST_NOTE))
    if causes:
        raise InvalidInput("failed to add note", "note content is invalid", causes)
    return content.strip()
