"""``/api/alerts/rules``: what metrics are watched for (contracts/incidents.md 0.6, 4.6)."""

from litestar import Controller, Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.alerts.documentation import refused_with
from api.alerts.rule_bodies import (
    META,
    AlertRuleAnswer,
    AlertRuleDeleted,
    AlertRulesAnswer,
    EnableForm,
    rule_body,
)
from api.alerts.rule_documentation import (
    TOO_MANY,
    CreateAlertRule,
    DeleteAlertRule,
    EnableAlertRule,
    ReplaceAlertRule,
)
from api.identity import ADMINISTRATION, READ
from api.incidents.answering import answered
from api.incidents.documentation import POSITION
from api.incidents.ids import RULE_IDS
from api.incidents.ports import Tracking
from api.incidents.requests import Incoming, TrackingRequest
from commands.alert_rules import CreateRule, DeleteRule, EnableRule, ReplaceRule, RuleForm
from commands.handling import Outcome
from projections.alert_rules.projector import READ_MODEL as RULES
from projections.alert_rules.queries import find_rule, list_rules


class AlertRules(Controller):
    """Rules, which fire incidents when a metric breaks their terms."""

    path = "/api/alerts/rules"
    tags = ("alerts",)
    response_headers = (POSITION,)

    @get(
        operation_id="listAlertRules",
        opt={"access": READ},
        responses=refused_with(400, 401, 429, 503),
        summary="List all rules, and the words that rules are made of",
    )
    async def show_all(
        self, request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[AlertRulesAnswer]:
        incoming = Incoming(request, tracking)
        position = await incoming.caught_up(RULES)
        rules = await list_rules(tracking.database, incoming.tenant)
        return answered(AlertRulesAnswer([rule_body(row) for row in rules], META), position)

    @post(
        operation_id="createAlertRule",
        opt={"access": ADMINISTRATION},
        operation_class=CreateAlertRule,
        responses={**refused_with(400, 401, 403, 404, 415, 429, 503), **TOO_MANY},
        summary="Have a metric watched",
    )
    async def create(self, request: TrackingRequest, tracking: NamedDependency[Tracking]) -> Response[AlertRuleAnswer]:
        incoming = Incoming(request, tracking)
        outcome = await incoming.send(CreateRule(await incoming.body(RuleForm)))
        return await _shown(incoming, outcome.answer, outcome, status=201)

    @get(
        "/{rule_id:str}",
        operation_id="getAlertRule",
        opt={"access": READ},
        responses=refused_with(400, 401, 404, 429, 503),
        summary="Get a rule",
    )
    async def show(
        self, rule_id: FromPath[str], request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[AlertRuleAnswer]:
        return await _shown(Incoming(request, tracking), RULE_IDS.in_path(rule_id))

    @put(
        "/{rule_id:str}",
        operation_id="replaceAlertRule",
        opt={"access": ADMINISTRATION},
        operation_class=ReplaceAlertRule,
        responses=refused_with(400, 401, 403, 404, 409, 415, 429, 503),
        summary="Give a rule other terms",
    )
    async def replace(
        self, rule_id: FromPath[str], request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[AlertRuleAnswer]:
        """Give what is left out its default, but for `enabled`, which stays as it is. The cooldown goes on."""
        incoming = Incoming(request, tracking)
        form = await incoming.body(RuleForm)
        ulid = RULE_IDS.in_path(rule_id)
        return await _shown(incoming, ulid, await incoming.send(ReplaceRule(form), ulid))

    @patch(
        "/{rule_id:str}",
        operation_id="enableAlertRule",
        opt={"access": ADMINISTRATION},
        operation_class=EnableAlertRule,
        responses=refused_with(400, 401, 403, 404, 409, 415, 429, 503),
        summary="Have a rule evaluated, or no longer",
    )
    async def enable(
        self, rule_id: FromPath[str], request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[AlertRuleAnswer]:
        incoming = Incoming(request, tracking)
        form = await incoming.body(EnableForm)
        ulid = RULE_IDS.in_path(rule_id)
        return await _shown(incoming, ulid, await incoming.send(EnableRule(form.enabled), ulid))

    @delete(
        "/{rule_id:str}",
        operation_id="deleteAlertRule",
        opt={"access": ADMINISTRATION},
        status_code=200,
        operation_class=DeleteAlertRule,
        responses=refused_with(400, 401, 403, 404, 409, 429, 503),
        summary="Take a rule away; its incidents stay",
    )
    async def delete(
        self, rule_id: FromPath[str], request: TrackingRequest, tracking: NamedDependency[Tracking]
    ) -> Response[AlertRuleDeleted]:
        outcome = await Incoming(request, tracking).send(DeleteRule(), RULE_IDS.in_path(rule_id))
        return answered(AlertRuleDeleted(), outcome.position)


async def _shown(
    incoming: Incoming, ulid: str, after: Outcome | None = None, status: int = 200
) -> Response[AlertRuleAnswer]:
    """Answer with a rule, once everything written before, or this command, can be seen in it."""
    position = await incoming.caught_up(RULES, after=after)
    row = await find_rule(incoming.tracking.database, incoming.tenant, ulid)
    if row is None:
        raise RULE_IDS.unknown(ulid)
    return answered(AlertRuleAnswer(rule_body(row)), position, status)
