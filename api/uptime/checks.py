"""``/api/checks``: what is probed, and what the probes find (contracts/incidents.md 0.6, checks)."""

from typing import Any

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.identity import OPERATE, READ, WORK
from api.incidents.documentation import NO_JSON, POSITION, REUSED
from api.incidents.ids import CHECK_IDS, INCIDENT_IDS
from api.incidents.ports import Tracking
from api.incidents.requests import Incoming, TrackingRequest
from api.uptime.check_bodies import (
    CheckChangeForm,
    CheckForm,
    Deleted,
    OneCheck,
    ResultForm,
    ResultsTaken,
    SeveralChecks,
    changing,
    creating,
    reporting,
    view,
)
from api.uptime.check_documentation import (
    BAD_CHECK,
    BAD_RESULT,
    NO_CHECK,
    PAUSED,
    TOO_MANY,
    ChangeCheckOperation,
    CreateCheckOperation,
    DeleteCheckOperation,
    ListChecksOperation,
    ReportResultsOperation,
)
from api.uptime.documentation import BAD_PARAMETER, refused
from api.uptime.envelope import Success, succeeded, window
from commands.check_results import ResultsAnswer
from commands.checks import DeleteCheck
from commands.handling import Outcome
from projections.checks.projector import READ_MODEL as CHECKS
from projections.checks.queries import count_checks, find_check, list_checks


class Checks(Controller):
    """Checks of the tenant."""

    path = "/api/checks"
    tags = ("uptime",)
    response_headers = (POSITION,)

    @get(
        operation_id="listChecks",
        opt={"access": READ},
        operation_class=ListChecksOperation,
        responses=refused(BAD_PARAMETER),
        summary="Checks of the tenant, in pages",
    )
    async def list_all(
        self, request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[Success[SeveralChecks]]:
        """Return the newest first."""
        incoming = Incoming(request, tracking)
        asked = window(incoming.parameters)
        position = await incoming.caught_up(CHECKS)
        total = await count_checks(tracking.database, incoming.tenant)
        found = await list_checks(tracking.database, incoming.tenant, limit=asked.limit, offset=asked.offset)
        return succeeded(SeveralChecks([view(check) for check in found]), position, pagination=asked.of(total))

    @post(
        operation_id="createCheck",
        opt={"access": OPERATE},
        operation_class=CreateCheckOperation,
        responses=refused(BAD_CHECK, NO_CHECK, REUSED, TOO_MANY, NO_JSON),
        summary="Have something probed",
    )
    async def create(
        self, request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[Success[OneCheck]]:
        """Without `regions` it is probed from wherever there is a prober."""
        incoming = Incoming(request, tracking)
        outcome = await incoming.send(creating(await incoming.body(CheckForm)))
        return await _answer(incoming, outcome, 201)

    @get(
        "/{id:str}",
        operation_id="getCheck",
        opt={"access": READ},
        responses=refused(NO_CHECK),
        summary="A check, and how it stands",
    )
    async def get_one(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the contract)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[Success[OneCheck]]:
        """Tell its status: `down` or `degraded` while an incident of that kind is unresolved, else `up`."""
        incoming = Incoming(request, tracking)
        ulid = CHECK_IDS.in_path(id)
        position = await incoming.caught_up(CHECKS)
        return succeeded(await _shown(incoming, ulid), position)

    @patch(
        "/{id:str}",
        operation_id="changeCheck",
        opt={"access": OPERATE},
        operation_class=ChangeCheckOperation,
        responses=refused(BAD_CHECK, NO_CHECK, REUSED, NO_JSON),
        summary="Change, pause or resume a check",
    )
    async def change(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the contract)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[Success[OneCheck]]:
        """Only what is given changes; `null` takes away what need not be there."""
        incoming = Incoming(request, tracking)
        command = changing(await incoming.body(CheckChangeForm))
        return await _answer(incoming, await incoming.send(command, CHECK_IDS.in_path(id)))

    @delete(
        "/{id:str}",
        operation_id="deleteCheck",
        opt={"access": OPERATE},
        status_code=200,
        operation_class=DeleteCheckOperation,
        responses=refused(NO_CHECK, REUSED),
        summary="Delete a check",
    )
    async def delete_one(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the contract)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[Success[Deleted]]:
        """Its unresolved incidents are canceled: they are shown as closed, and stay."""
        outcome = await Incoming(request, tracking).send(DeleteCheck(), CHECK_IDS.in_path(id))
        return succeeded(Deleted(), outcome.position)

    @post(
        "/{id:str}/results",
        operation_id="reportResults",
        opt={"access": WORK},
        status_code=200,
        operation_class=ReportResultsOperation,
        responses=refused(BAD_RESULT, NO_CHECK, PAUSED, NO_JSON),
        summary="Report what probes of a check found",
    )
    async def report(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the contract)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[Success[ResultsTaken]]:
        """Three failures in a row from at least two regions open an incident, three successes resolve it."""
        incoming = Incoming(request, tracking)
        command = reporting(await incoming.bodies(ResultForm))
        outcome = await incoming.send(command, CHECK_IDS.in_path(id))
        answer: ResultsAnswer = outcome.answer
        incident = INCIDENT_IDS.of(answer.incident) if answer.incident is not None else None
        return succeeded(ResultsTaken(answer.check_status, incident), outcome.position)


async def _answer(incoming: Incoming, outcome: Outcome, status: int = 200) -> Response[Any]:
    """Answer with the check as it is after a command."""
    position = await incoming.caught_up(CHECKS, after=outcome)
    return succeeded(await _shown(incoming, outcome.answer), position, status=status)


async def _shown(incoming: Incoming, ulid: str) -> OneCheck:
    found = await find_check(incoming.tracking.database, incoming.tenant, ulid)
    if found is None:
        raise CHECK_IDS.unknown(ulid)
    return OneCheck(view(found))
