"""``/v1/incidents`` and ``/v1/analytics/incidents`` (contracts/incidents.md 0.6, 2.1, 2.5)."""

from litestar import Controller, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from api.feed.bodies import CreateForm, FeedFigures, FeedIncident, FeedPage, MergeForm, SeverityForm, StatusForm
from api.feed.documentation import (
    HISTORY,
    WRITES,
    CreateInFeed,
    ListFeed,
    MergeInFeed,
    MoveInFeed,
    OfPeriod,
    RateInFeed,
    refused_with,
)
from api.feed.history import history_of
from api.feed.listing import Listing
from api.feed.periods import DEFAULT_PERIOD, PERIODS, figures_of
from api.feed.telling import full
from api.identity import ANALYTICS, OPERATE, READ
from api.incidents.answering import answered
from api.incidents.documentation import POSITION
from api.incidents.ids import INCIDENT_IDS
from api.incidents.ports import Tracking
from api.incidents.reading import read_incident
from api.incidents.requests import Incoming, TrackingRequest
from commands.handling import Outcome
from commands.incident_changes import ChangeIncident
from commands.incident_merging import MergeIncident
from commands.incident_moves import MoveIncident
from commands.incident_opening import OpenIncident
from projections.incident_analytics.projector import READ_MODEL as FIGURES
from projections.incident_list.projector import READ_MODEL as LIST


class FeedIncidents(Controller):
    """A tenant's incidents as the feed sees them: its words, its moves, pages by cursor."""

    path = "/v1/incidents"
    tags = ("feed",)
    response_headers = (POSITION,)

    @get(
        operation_id="listFeedIncidents",
        opt={"access": READ},
        operation_class=ListFeed,
        responses=refused_with(),
        summary="List incidents by the time of their opening",
        response_description="A page of incidents",
    )
    async def show_all(self, request: TrackingRequest, tracking: NamedDependency[Tracking]) -> Response[FeedPage]:
        """`count` is how many there are on all pages; `cursor` leads to the next page, and is null on the last one."""
        incoming = Incoming(request, tracking)
        listing = Listing.asked_by(incoming)
        position = await incoming.caught_up(LIST)
        return answered(await listing.page(tracking.database), position)

    @post(
        operation_id="createFeedIncident",
        opt={"access": OPERATE},
        operation_class=CreateInFeed,
        responses=refused_with(*WRITES),
        summary="Report an incident",
        response_description="The incident",
    )
    async def create(self, request: TrackingRequest, tracking: NamedDependency[Tracking]) -> Response[FeedIncident]:
        """Open an incident, of severity `medium` where none is given."""
        return await _created(Incoming(request, tracking))

    @post(
        "/chat",
        operation_id="createFeedIncidentInChat",
        opt={"access": OPERATE},
        operation_class=CreateInFeed,
        responses=refused_with(*WRITES),
        summary="Report an incident, under the path that chats use",
        response_description="The incident",
    )
    async def create_in_chat(
        self, request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[FeedIncident]:
        """Do the same as `POST /v1/incidents`."""
        return await _created(Incoming(request, tracking))

    @get(
        "/{incident_id:str}",
        operation_id="getFeedIncident",
        opt={"access": READ},
        responses=refused_with(404),
        summary="Get an incident",
        response_description="The incident",
    )
    async def show(
        self, incident_id: FromPath[str], request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[FeedIncident]:
        return await _shown(Incoming(request, tracking), INCIDENT_IDS.in_path(incident_id))

    @patch(
        "/{incident_id:str}",
        operation_id="moveFeedIncident",
        opt={"access": OPERATE},
        operation_class=MoveInFeed,
        responses=refused_with(*WRITES, 404),
        summary="Move an incident to another status",
        response_description="The incident as it is now",
    )
    async def move(
        self, incident_id: FromPath[str], request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[FeedIncident]:
        """Try the failed job of a process again where its incident is resolved, or closed without having been."""
        incoming = Incoming(request, tracking)
        status = (await incoming.body(StatusForm)).word()
        ulid = INCIDENT_IDS.in_path(incident_id)
        return await _shown(incoming, ulid, await incoming.send(MoveIncident("feed", status), ulid))

    @patch(
        "/{incident_id:str}/severity",
        operation_id="rateFeedIncident",
        opt={"access": OPERATE},
        operation_class=RateInFeed,
        responses=refused_with(*WRITES, 404),
        summary="Change the severity of an incident",
        response_description="The incident as it is now",
    )
    async def rate(
        self, incident_id: FromPath[str], request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[FeedIncident]:
        """Change nothing where it is shown as that already. One that is closed keeps its severity."""
        incoming = Incoming(request, tracking)
        severity = (await incoming.body(SeverityForm)).word()
        ulid = INCIDENT_IDS.in_path(incident_id)
        return await _shown(incoming, ulid, await incoming.send(ChangeIncident("feed", severity), ulid))

    @get(
        "/{incident_id:str}/history",
        operation_id="showFeedIncidentHistory",
        opt={"access": READ},
        responses={**refused_with(404), **HISTORY},
        summary="Show everything that happened to an incident",
    )
    async def history(
        self, incident_id: FromPath[str], request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Stream:
        """Tell the facts as the log has them, whichever API they came through, and the oldest first."""
        incoming = Incoming(request, tracking)
        ulid = INCIDENT_IDS.in_path(incident_id)
        position = await incoming.caught_up()
        parts = await history_of(tracking, incoming.tenant, ulid)
        return Stream(parts, media_type="application/json", headers={POSITION.name: str(position)})

    @post(
        "/{incident_id:str}/merge",
        operation_id="mergeFeedIncident",
        opt={"access": OPERATE},
        status_code=200,
        operation_class=MergeInFeed,
        responses=refused_with(*WRITES, 404),
        summary="Merge an incident into another one that is the same",
        response_description="The incident that is closed now",
    )
    async def merge(
        self, incident_id: FromPath[str], request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[FeedIncident]:
        """Close it; from then on it says what it was merged into. Both keep their histories, which tell of it."""
        incoming = Incoming(request, tracking)
        into = (await incoming.body(MergeForm)).ulid()
        ulid = INCIDENT_IDS.in_path(incident_id)
        return await _shown(incoming, ulid, await incoming.send(MergeIncident(into), ulid))


class FeedAnalytics(Controller):
    """Figures of the feed."""

    path = "/v1/analytics/incidents"
    tags = ("feed",)
    response_headers = (POSITION,)

    @get(
        operation_id="showFeedFigures",
        opt={"access": ANALYTICS},
        operation_class=OfPeriod,
        responses=refused_with(403),
        summary="Show the figures of the incidents opened in the last days",
        response_description="The figures",
    )
    async def figures(self, request: TrackingRequest, tracking: NamedDependency[Tracking]) -> Response[FeedFigures]:
        """Count what was opened in the period, and how much of it is resolved by now. This takes `analytics`."""
        incoming = Incoming(request, tracking)
        period = incoming.parameters.word("period", tuple(PERIODS)) or DEFAULT_PERIOD
        position = await incoming.caught_up(FIGURES)
        return answered(await figures_of(tracking.database, incoming.tenant, period, incoming.now), position)


async def _created(incoming: Incoming) -> Response[FeedIncident]:
    form = await incoming.body(CreateForm)
    outcome = await incoming.send(OpenIncident(form.title, form.description, form.rank()))
    return await _shown(incoming, outcome.answer, outcome, 201)


async def _shown(
    incoming: Incoming, ulid: str, after: Outcome | None = None, status: int = 200
) -> Response[FeedIncident]:
    """Answer with an incident, once everything written before, or this command, can be seen in it."""
    position = await incoming.caught_up(LIST, after=after)
    return answered(full(await read_incident(incoming, ulid)), position, status)
