"""A tenant has so many checks and alert rules, and no more (contracts/incidents.md 0.6 leaves the numbers open)."""

from typing import Any, NamedTuple

import pytest

from commands.alert_rules import ConditionForm, CreateRule, DeleteRule, RuleForm
from commands.checks import CreateCheck, DeleteCheck
from commands.intents import Intent
from domain.event import Event
from domain.identity import register_stream
from domain.registers.events import MemberListed, MemberUnlisted
from domain.rejection import InvalidState, NotFound
from tests.monitoring import SHOP
from tests.story import TENANT, Stage

RULE = RuleForm(
    name="Errors", module="models", metric="error_rate", condition=ConditionForm("gt", 5.0), window_minutes=15
)


class Kind(NamedTuple):
    """Something of which a tenant may have so many; ``bound`` is where that stands."""

    name: Any
    make: Intent
    take_away: Intent
    bound: str


KINDS = (
    Kind("checks", CreateCheck(SHOP), DeleteCheck(), "commands.checks.MOST_CHECKS"),
    Kind("rules", CreateRule(RULE), DeleteRule(), "commands.alert_rules.MOST_RULES"),
)

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def registered(stage: Stage, kind: Kind) -> list[Event]:
    return [fact.event for fact in stage.log.streams[register_stream(kind.name, TENANT)]]


@every_kind
def test_what_is_made_is_listed_and_what_is_taken_away_is_not_in_the_same_append(kind: Kind) -> None:
    stage = Stage()
    made = stage.send(kind.make)
    assert len({fact.correlation_id for fact in stage.log.facts}) == 1
    stage.send(kind.take_away, made)
    with pytest.raises(NotFound):
        stage.send(kind.take_away, made)
    assert registered(stage, kind) == [MemberListed(made), MemberUnlisted(made)]
    assert len({fact.correlation_id for fact in stage.log.facts}) == 2


@every_kind
def test_a_tenant_has_so_many_and_no_more_and_others_do_not_count(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kind.bound, 3)
    stage = Stage()
    first, *_ = [stage.send(kind.make) for _ in range(3)]
    before = len(stage.log.facts)
    with pytest.raises(InvalidState, match=f"the tenant has 3 {kind.name} already"):
        stage.send(kind.make)
    assert len(stage.log.facts) == before
    stage.send(kind.make, tenant="rival")
    stage.send(kind.take_away, first)
    stage.send(kind.make)
    with pytest.raises(InvalidState):
        stage.send(kind.make)


def test_the_registers_of_two_tenants_and_kinds_never_meet() -> None:
    tenants = ("acme", "acme-rules", "rules-acme", "rules")
    streams = [register_stream(kind, tenant) for kind in ("checks", "rules") for tenant in tenants]
    assert len(set(streams)) == len(streams)
