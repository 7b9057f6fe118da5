"""``/api/alerts/samples``: how metrics stand that somebody else measures (contracts/incidents.md 0.6)."""

import msgspec
from litestar import Controller, Response, post
from litestar.di import NamedDependency

from api.alerts.documentation import refused_with
from api.alerts.rule_bodies import AlertSamplesTaken, SamplesForm
from api.alerts.rule_documentation import ReportAlertSamples
from api.identity import WORK
from api.incidents.answering import answered
from api.incidents.documentation import POSITION
from api.incidents.ports import Tracking
from api.incidents.requests import Incoming, TrackingRequest
from commands.handling import Outcome
from commands.samples import ReportSamples, SampleForm
from domain.rejection import InvalidInput

#: Where a command points at the sample of a body that is a sample itself.
_ONLY = "#/samples/0"


class AlertSamples(Controller):
    """Samples of the metrics that rules watch."""

    path = "/api/alerts/samples"
    tags = ("alerts",)
    response_headers = (POSITION,)

    @post(
        operation_id="reportAlertSamples",
        opt={"access": WORK},
        status_code=202,
        operation_class=ReportAlertSamples,
        responses=refused_with(400, 401, 403, 409, 415, 429, 503),
        summary="Report a sample, or up to 1,000 at once",
    )
    async def report(
        self, request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[AlertSamplesTaken]:
        """Take all of them, or none."""
        incoming = Incoming(request, tracking)
        if _is_list(await incoming.raw()):
            outcome = await incoming.send(ReportSamples((await incoming.body(SamplesForm)).samples))
        else:
            outcome = await _report_one(incoming, await incoming.body(SampleForm))
        return answered(AlertSamplesTaken(outcome.answer), outcome.position, 202)


def _is_list(raw: bytes) -> bool:
    """Tell whether a body has several samples; what is no JSON object is refused when it is read as one."""
    try:
        return "samples" in msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


async def _report_one(incoming: Incoming, form: SampleForm) -> Outcome:
    try:
        return await incoming.send(ReportSamples((form,)))
    except InvalidInput as refusal:
        if not refusal.causes:
            raise
        causes = [cause._replace(pointer=f"#{cause.pointer.removeprefix(_ONLY)}") for cause in refusal.causes]
        raise InvalidInput(refusal.title, refusal.detail, causes) from refusal
