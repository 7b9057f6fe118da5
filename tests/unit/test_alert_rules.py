"""Alert rules are made, changed, fired and deleted: the whole path of their commands, on a log in memory."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from commands.alert_rules import (
    ConditionForm,
    CreateRule,
    DeleteRule,
    EnableRule,
    FireRule,
    ReplaceRule,
    RuleForm,
    TellEvaluation,
)
from domain.alerting.events import (
    RuleChanged,
    RuleCreated,
    RuleDeleted,
    RuleDisabled,
    RuleEnabled,
    RuleEvaluationFailed,
    RuleEvaluationRecovered,
    RuleFired,
    Terms,
)
from domain.alerting.metrics import BUILT_IN, MODULES, WINDOWS
from domain.event import Event
from domain.identity import incident_stream, rule_stream
from domain.incidents.events import IncidentOpened, RuleCause
from domain.rejection import InvalidInput, NotFound
from tests.story import STEP, Stage

FORM = RuleForm(
    name=" Errors of calls ",
    module="models",
    metric="error_rate",
    condition=ConditionForm("gt", 5.0),
    window_minutes=15,
    scope={"modelKey": "large"},
)
CHANNELS = '[{"type":"email","recipients":[]}]'
TERMS = Terms(
    name="Errors of calls",
    module="models",
    metric="error_rate",
    operator="gt",
    threshold=5.0,
    window_minutes=15,
    cooldown_minutes=60,
    scope={"modelKey": "large"},
    channels=CHANNELS,
)


def form(**given: Any) -> RuleForm:
    return msgspec.structs.replace(FORM, **given)


def created(stage: Stage, **given: Any) -> str:
    ulid: str = stage.send(CreateRule(form(**given)))
    return ulid


def facts(stage: Stage, ulid: str) -> list[Event]:
    return [fact.event for fact in stage.log.streams[rule_stream(ulid)]]


def fires(stage: Stage, ulid: str, actual: float = 12.3, version: int | None = None) -> str | None:
    """Have the evaluator report a breach, of the rule as it is now unless a version is given."""
    asked = len(facts(stage, ulid)) if version is None else version
    incident: str | None = stage.send(FireRule(asked, actual, 1000), ulid)
    return incident


def refused(stage: Stage, command: Any, ulid: str | None = None) -> list[str]:
    before = len(stage.log.facts)
    with pytest.raises(InvalidInput) as refusal:
        stage.send(command, ulid)
    assert len(stage.log.facts) == before
    return [cause.pointer for cause in refusal.value.causes]


def test_a_rule_is_made_with_its_defaults() -> None:
    stage = Stage()
    assert facts(stage, created(stage)) == [RuleCreated(TERMS)]


def test_a_rule_may_be_made_disabled() -> None:
    stage = Stage()
    assert facts(stage, created(stage, enabled=False)) == [RuleCreated(TERMS, enabled=False)]


def test_channels_are_kept_as_they_are_given() -> None:
    stage = Stage()
    given = ({"type": "pager", "to": [1, 2.5, None, {"deep": "\u0000"}]},)
    (event,) = facts(stage, created(stage, channels=given))
    assert isinstance(event, RuleCreated)
    assert msgspec.json.decode(event.terms.channels) == list(given)


@pytest.mark.parametrize(("module", "metrics"), MODULES.items())
def test_every_metric_of_a_module_can_be_watched(module: str, metrics: tuple[str, ...]) -> None:
    stage = Stage()
    for metric in metrics or ("anything_goes", "x"):
        assert created(stage, module=module, metric=metric, scope={})


def test_the_built_in_metrics_are_those_of_the_module_process() -> None:
    assert MODULES["process"] == BUILT_IN
    assert len(BUILT_IN) == 6


@pytest.mark.parametrize("minutes", WINDOWS)
def test_a_rule_may_look_back_over_each_of_the_windows(minutes: int) -> None:
    assert created(Stage(), window_minutes=minutes)


@pytest.mark.parametrize("minutes", [0, 60, 10_080])
def test_a_rule_may_be_silenced_for_up_to_a_week(minutes: int) -> None:
    assert created(Stage(), cooldown_minutes=minutes)


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"name": ""}, "#/name"),
        ({"name": " \t "}, "#/name"),
        ({"name": "x" * 201}, "#/name"),
        ({"name": "a\x00b"}, "#/name"),
        ({"name": "a\ud800"}, "#/name"),
        ({"description": "x" * 2001}, "#/description"),
        ({"description": "a\x1b[31m"}, "#/description"),
        ({"module": ""}, "#/module"),
        ({"module": "aegis"}, "#/module"),
        ({"metric": ""}, "#/metric"),
        ({"metric": "mcp_error_rate"}, "#/metric"),
        ({"metric": "error_rate\n"}, "#/metric"),
        ({"module": "custom", "metric": "Loud", "scope": {}}, "#/metric"),
        ({"module": "custom", "metric": "1st", "scope": {}}, "#/metric"),
        ({"module": "custom", "metric": "x" * 101, "scope": {}}, "#/metric"),
        ({"condition": ConditionForm("above", 5.0)}, "#/condition/operator"),
        ({"condition": ConditionForm("", 5.0)}, "#/condition/operator"),
        ({"condition": ConditionForm("gt", None)}, "#/condition/threshold"),
        ({"condition": ConditionForm("gt", float("nan"))}, "#/condition/threshold"),
        ({"condition": ConditionForm("gt", float("inf"))}, "#/condition/threshold"),
        ({"condition": ConditionForm("gt", -1.1e15)}, "#/condition/threshold"),
        ({"window_minutes": None}, "#/windowMinutes"),
        ({"window_minutes": 10}, "#/windowMinutes"),
        ({"cooldown_minutes": -1}, "#/cooldownMinutes"),
        ({"cooldown_minutes": 10_081}, "#/cooldownMinutes"),
        ({"scope": {"processKey": "order"}}, "#/scope"),
        ({"scope": {"modelKey": ""}}, "#/scope/modelKey"),
        ({"scope": {"modelKey": "x" * 201}}, "#/scope/modelKey"),
        ({"scope": {"modelKey": "\x00"}}, "#/scope/modelKey"),
        ({"module": "process", "metric": "job_error_rate"}, "#/scope"),
        ({"module": "custom", "scope": {"a b": "1"}}, "#/scope"),
        ({"module": "custom", "scope": {f"k{n}": "1" for n in range(21)}}, "#/scope"),
        ({"channels": ({"to": "ops"},)}, "#/channels/0/type"),
        ({"channels": ({"type": "email"}, {"type": 7})}, "#/channels/1/type"),
        ({"channels": ({"type": "email"},) * 21}, "#/channels"),
        ({"channels": ({"type": "email", "to": "x" * 10_000},)}, "#/channels"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_with_the_place(given: dict[str, Any], pointer: str) -> None:
    stage = Stage()
    ulid = created(stage)
    assert refused(stage, CreateRule(form(**given))) == [pointer]
    assert refused(stage, ReplaceRule(form(**given)), ulid) == [pointer]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert refused(Stage(), CreateRule(RuleForm(cooldown_minutes=-1))) == [
        "#/name",
        "#/module",
        "#/metric",
        "#/condition/operator",
        "#/condition/threshold",
        "#/windowMinutes",
        "#/cooldownMinutes",
    ]


def test_a_rule_gets_other_terms_and_stays_as_enabled_as_it_was() -> None:
    stage = Stage()
    ulid = created(stage, enabled=False)
    stage.send(ReplaceRule(form(condition=ConditionForm("gte", 7.0))), ulid)
    stage.send(ReplaceRule(form(condition=ConditionForm("gte", 7.0))), ulid)
    stage.send(ReplaceRule(form(condition=ConditionForm("gte", 7.0), enabled=True)), ulid)
    changed = msgspec.structs.replace(TERMS, operator="gte", threshold=7.0)
    assert facts(stage, ulid)[1:] == [RuleChanged(changed), RuleEnabled()]


def test_a_rule_is_disabled_and_enabled_once_each() -> None:
    stage = Stage()
    ulid = created(stage)
    for enabled in (True, False, False, True):
        assert stage.send(EnableRule(enabled), ulid) == ulid
    assert facts(stage, ulid)[1:] == [RuleDisabled(), RuleEnabled()]


@pytest.mark.parametrize(
    "command",
    [ReplaceRule(FORM), EnableRule(enabled=False), DeleteRule(), FireRule(1, 12.3, 1), TellEvaluation("why")],
    ids=lambda command: type(command).__name__,
)
def test_an_unknown_a_deleted_and_another_tenants_rule_are_not_found(command: Any) -> None:
    stage = Stage()
    ulid, gone = created(stage), created(stage)
    stage.send(DeleteRule(), gone)
    told = set()
    for name, tenant in (("0" * 26, "default"), (gone, "default"), (ulid, "rival")):
        with pytest.raises(NotFound) as refusal:
            stage.send(command, name, tenant=tenant)
        told.add((refusal.value.title, refusal.value.detail.replace(name, "")))
    assert len(told) == 1
    assert len(facts(stage, ulid)) == 1
    assert facts(stage, gone)[1:] == [RuleDeleted()]


def test_a_breach_opens_an_incident_in_the_same_append() -> None:
    stage = Stage()
    ulid = created(stage)
    incident = fires(stage, ulid)
    assert incident is not None
    assert facts(stage, ulid)[1:] == [RuleFired(incident, 12.3, 1000)]
    (opened,) = stage.log.streams[incident_stream(incident)]
    cause = RuleCause(ulid, "Errors of calls", "error_rate", "gt", 5.0, 12.3, 15, 1000, {"modelKey": "large"})
    assert opened.event == IncidentOpened(
        "alert_rule",
        4,
        "Errors of calls: error_rate gt 5",
        "error_rate was 12.3 (gt 5)",
        rule=cause,
    )
    assert opened.happened_at == stage.log.streams[rule_stream(ulid)][-1].happened_at


def test_a_rule_is_silent_until_its_cooldown_has_passed_by_the_engines_time() -> None:
    stage = Stage()
    ulid = created(stage)
    first = fires(stage, ulid)
    assert fires(stage, ulid) is None
    stage.passes(timedelta(minutes=60) - 3 * STEP)
    assert fires(stage, ulid) is None
    second = fires(stage, ulid)
    assert second is not None
    (opened,) = (fact.event for fact in stage.log.streams[incident_stream(second)])
    assert isinstance(opened, IncidentOpened)
    assert opened.previous_incident == first


def test_without_a_cooldown_a_rule_fires_each_time() -> None:
    stage = Stage()
    ulid = created(stage, cooldown_minutes=0)
    assert len({fires(stage, ulid) for _ in range(3)} - {None}) == 3


def test_a_rule_that_was_changed_or_fired_since_it_was_measured_does_not_fire() -> None:
    stage = Stage()
    ulid = created(stage, cooldown_minutes=0)
    stage.send(ReplaceRule(form(condition=ConditionForm("gt", 50.0), cooldown_minutes=0)), ulid)
    assert fires(stage, ulid, version=1) is None
    assert fires(stage, ulid, actual=60.0, version=2) is not None
    assert fires(stage, ulid, actual=60.0, version=2) is None


def test_a_disabled_rule_does_not_fire_and_keeps_its_cooldown() -> None:
    stage = Stage()
    ulid = created(stage)
    assert fires(stage, ulid) is not None
    stage.send(EnableRule(enabled=False), ulid)
    stage.passes(timedelta(hours=2))
    assert fires(stage, ulid) is None
    other = created(stage)
    assert fires(stage, other) is not None
    stage.send(EnableRule(enabled=False), other)
    stage.send(EnableRule(enabled=True), other)
    assert fires(stage, other) is None


def test_what_is_no_breach_does_not_fire() -> None:
    stage = Stage()
    ulid = created(stage)
    assert fires(stage, ulid, actual=5.0) is None
    assert len(facts(stage, ulid)) == 1


def test_a_failing_evaluation_is_told_once_for_each_reason_and_when_it_is_over() -> None:
    stage = Stage()
    ulid = created(stage)
    for error in ("", "late", "late", "odd", "", ""):
        stage.send(TellEvaluation(error), ulid)
    assert facts(stage, ulid)[1:] == [
        RuleEvaluationFailed("late"),
        RuleEvaluationFailed("odd"),
        RuleEvaluationRecovered(),
    ]
