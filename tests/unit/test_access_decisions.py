"""Who may have which key, and what a tenant is allowed: decided from facts alone."""

from typing import Any

import pytest

from commands.access import (
    ON_THE_MACHINE,
    Administrator,
    ChangeTenant,
    IssueKey,
    MintedKey,
    RegisterTenant,
    change_tenant,
    found_deployment,
    issue_key,
    register_tenant,
    revoke_key,
)
from commands.context import Decision
from domain.access import key, tenant
from domain.access.events import KeyIssued, KeyRevoked, Role, TenantPlanChanged, TenantRegistered
from domain.access.roles import ROLES, entitlements_of, may_hand_out
from domain.rejection import Forbidden, InvalidInput, InvalidState, NotFound

ACME = tenant.Tenant("Acme", "free", (), version=1)
ACME_ADMIN = Administrator("acme", "admin", deployment=False)
ACME_OWNER = Administrator("acme", "owner", deployment=False)
KEY = key.Key("acme", "worker", "robot", "ab12", revoked=False, version=1)


MINTED = MintedKey("K1", "ann_K1_secret", "ab12")


def facts(decision: Decision) -> list[Any]:
    return [event for append in decision.appends for event in append.events]


def pointers(refusal: pytest.ExceptionInfo[InvalidInput]) -> list[str]:
    return [cause.pointer for cause in refusal.value.causes]


def issue(command: IssueKey, by: Administrator, state: tenant.Tenant | None = ACME) -> Decision:
    return issue_key(command, by, state, MINTED)


def test_a_tenant_is_registered_with_its_plan_and_the_entitlements_granted_beyond_it() -> None:
    decision = register_tenant(RegisterTenant("acme", "Acme", "free", ("analytics", "analytics")), None)
    assert facts(decision) == [TenantRegistered("Acme", "free", ("analytics",))]
    assert (decision.appends[0].stream, decision.appends[0].expected) == ("tenant-acme", 0)


def test_an_id_that_is_taken_is_not_given_twice() -> None:
    with pytest.raises(InvalidState, match="tenant acme already exists"):
        register_tenant(RegisterTenant("acme", "Acme", "free"), ACME)


def test_every_wrong_field_of_a_tenant_is_named_at_once() -> None:
    with pytest.raises(InvalidInput) as refusal:
        register_tenant(RegisterTenant("Not an id", "a\u0000b", "gold", ("analytics", "magic")), None)
    assert pointers(refusal) == ["#/id", "#/name", "#/plan", "#/entitlements/1"]


def test_missing_fields_are_required() -> None:
    with pytest.raises(InvalidInput) as refusal:
        register_tenant(RegisterTenant(), None)
    assert [(cause.pointer, cause.detail) for cause in refusal.value.causes] == [
        ("#/id", "is required"),
        ("#/name", "is required"),
        ("#/plan", "is required"),
    ]


@pytest.mark.parametrize("wrong", ["-acme", "acme\n", "ac_me", "a" * 64, "../etc", "äcme"])
def test_a_tenant_id_is_lower_case_letters_digits_and_hyphens(wrong: str) -> None:
    with pytest.raises(InvalidInput):
        register_tenant(RegisterTenant(wrong, "Acme", "free"), None)


def test_a_name_of_a_tenant_may_use_every_script_but_no_control_characters_or_surrogates() -> None:
    register_tenant(RegisterTenant("acme", "東京 Ärzte 👩‍⚕️", "free"), None)
    for wrong in ("a\rb", "\ud800", "x" * 201, "   "):
        with pytest.raises(InvalidInput):
            register_tenant(RegisterTenant("acme", wrong, "free"), None)


def test_a_change_of_plan_keeps_the_entitlements_and_is_made_on_the_version_seen() -> None:
    state = tenant.Tenant("Acme", "free", ("analytics",), version=3)
    decision = change_tenant("acme", ChangeTenant(plan="pro"), state)
    assert facts(decision) == [TenantPlanChanged("pro", ("analytics",))]
    assert decision.appends[0].expected == 3


def test_a_change_to_what_already_is_appends_nothing() -> None:
    decision = change_tenant("acme", ChangeTenant(plan="free", entitlements=()), ACME)
    assert decision.appends == ()
    assert decision.answer.plan == "free"


def test_a_change_of_nothing_or_of_an_unknown_tenant_is_refused() -> None:
    with pytest.raises(InvalidInput):
        change_tenant("acme", ChangeTenant(), ACME)
    with pytest.raises(NotFound):
        change_tenant("acme", ChangeTenant(plan="pro"), None)


def test_a_key_is_answered_once_and_only_its_hash_becomes_a_fact() -> None:
    decision = issue(IssueKey("acme", "worker", "robot"), ACME_ADMIN)
    assert facts(decision) == [KeyIssued("acme", "worker", "robot", "ab12")]
    assert decision.appends[0].stream == "key-K1"
    assert decision.answer.key == "ann_K1_secret"


@pytest.mark.parametrize("giver", ROLES)
@pytest.mark.parametrize("role", ROLES)
def test_a_key_is_made_by_admins_and_owners_and_never_above_their_own_role(giver: Role, role: Role) -> None:
    allowed = giver == "owner" or (giver == "admin" and role != "owner")
    assert may_hand_out(giver, role) is allowed
    by = Administrator("acme", giver, deployment=False)
    if allowed:
        assert issue(IssueKey("acme", role, "robot"), by).answer.role == role
    else:
        with pytest.raises(Forbidden):
            issue(IssueKey("acme", role, "robot"), by)


def test_a_foreign_tenant_is_answered_like_an_unknown_one() -> None:
    with pytest.raises(NotFound) as foreign:
        issue(IssueKey("acme", "viewer", "spy"), Administrator("rival", "owner", deployment=False))
    with pytest.raises(NotFound) as unknown:
        issue(IssueKey("acme", "viewer", "spy"), ON_THE_MACHINE, None)
    assert str(foreign.value) == str(unknown.value)


def test_a_key_is_revoked_once_by_its_tenant_or_the_deployment() -> None:
    for by in (ACME_ADMIN, ON_THE_MACHINE):
        decision = revoke_key("K", by, KEY)
        assert facts(decision) == [KeyRevoked()]
        assert decision.appends[0].expected == 1


def test_a_revoked_a_foreign_and_an_unknown_key_are_answered_alike() -> None:
    revoked = key.evolve(KEY, KeyRevoked())
    answers = set()
    for by, state in (
        (ACME_ADMIN, revoked),
        (Administrator("rival", "owner", deployment=False), KEY),
        (ACME_ADMIN, None),
    ):
        with pytest.raises(NotFound) as refusal:
            revoke_key("K", by, state)
        answers.add(str(refusal.value))
    assert len(answers) == 1


def test_an_admin_does_not_revoke_an_owner() -> None:
    with pytest.raises(Forbidden):
        revoke_key("K", ACME_ADMIN, key.Key("acme", "owner", "boss", "cd", revoked=False, version=1))


def test_the_first_start_makes_the_tenant_and_its_owner_key_and_later_ones_nothing() -> None:
    first = found_deployment(MINTED, None)
    assert [(append.stream, append.expected) for append in first.appends] == [("tenant-default", 0), ("key-K1", 0)]
    assert facts(first)[0].plan == "enterprise"
    assert first.answer.key == "ann_K1_secret"
    again = found_deployment(MintedKey("K2", "ann_K2_s", "cd"), tenant.evolve(None, facts(first)[0]))
    assert again == Decision(())


def test_a_tenant_and_a_key_are_what_their_facts_tell() -> None:
    state = tenant.evolve(None, TenantRegistered("Acme", "free"))
    state = tenant.evolve(state, TenantPlanChanged("pro", ("analytics",)))
    assert state == tenant.Tenant("Acme", "pro", ("analytics",), version=2)
    assert state.entitlements == {"analytics"}
    issued = key.evolve(None, KeyIssued("acme", "viewer", "eye", "ab"))
    assert issued == key.Key("acme", "viewer", "eye", "ab", revoked=False, version=1)
    assert tenant.evolve(None, TenantPlanChanged("pro")) is None
    assert key.evolve(None, KeyRevoked()) is None


def test_analytics_comes_with_the_enterprise_plan_or_by_grant() -> None:
    assert entitlements_of("enterprise", ()) == {"analytics"}
    assert entitlements_of("pro", ()) == set()
    assert entitlements_of("free", ("analytics",)) == {"analytics"}
