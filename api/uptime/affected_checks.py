"""``/api/incidents/{id}/affected-checks``: the checks that an incident is about (contracts/incidents.md 3.1)."""

import msgspec
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.identity import READ
from api.incidents.documentation import NO_INCIDENT, POSITION
from api.incidents.ids import CHECK_IDS, INCIDENT_IDS
from api.incidents.ports import Tracking
from api.incidents.reading import read_incident
from api.incidents.requests import Incoming, TrackingRequest
from api.uptime.documentation import BAD_PARAMETER, ListRowsOperation, refused
from api.uptime.envelope import Success, succeeded, window
from projections.checks.projector import READ_MODEL as CHECKS
from projections.checks.queries import ListedCheck, find_checks
from projections.incident_list.projector import READ_MODEL as INCIDENT_LIST
from projections.incident_list.queries import ListedIncident


class AffectedCheck(msgspec.Struct, frozen=True):
    """A check; ``type`` is in capitals here (``HTTP``, ``TCP``)."""

    id: str
    name: str
    target_url: str
    type: str
    status: str


class SeveralAffectedChecks(msgspec.Struct, frozen=True):
    checks: list[AffectedCheck]


class AffectedChecks(Controller):
    path = "/api/incidents/{id:str}/affected-checks"
    tags = ("uptime",)
    response_headers = (POSITION,)

    @get(
        operation_id="listAffectedChecks",
        opt={"access": READ},
        operation_class=ListRowsOperation,
        responses=refused(BAD_PARAMETER, NO_INCIDENT),
        summary="The checks that an incident affects",
    )
    async def list_all(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the contract)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[Success[SeveralAffectedChecks]]:
        """List the incident's own check, then its affected monitors as far as they are checks that are still there."""
        incoming = Incoming(request, tracking)
        asked, ulid = window(incoming.parameters), INCIDENT_IDS.in_path(id)
        position = await incoming.caught_up(INCIDENT_LIST, CHECKS)
        incident = await read_incident(incoming, ulid)
        found = await find_checks(tracking.database, incoming.tenant, _named_by(incident))
        page = found[asked.offset : asked.offset + asked.limit]
        shown = SeveralAffectedChecks([_affected(check) for check in page])
        return succeeded(shown, position, pagination=asked.of(len(found)))


def _named_by(incident: ListedIncident) -> list[str]:
    """Return the ULIDs of what may be checks; monitors may be named by any text."""
    monitors = [CHECK_IDS.ulid(monitor) for monitor in incident.affected_monitors]
    return [ulid for ulid in (incident.check_id, *monitors) if ulid]


def _affected(check: ListedCheck) -> AffectedCheck:
    settings = check.settings
    return AffectedCheck(
        CHECK_IDS.of(check.check_id), settings.name, settings.target_url, settings.type.upper(), check.status
    )
