"""Who may have which key, and what a tenant is allowed: the whole path of a command, on a log in memory."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest

from commands.access import (
    ON_THE_MACHINE,
    Administrator,
    ChangeTenant,
    FoundDeployment,
    IssueKey,
    KeyToIssue,
    KeyToRevoke,
    MintedKey,
    RegisterTenant,
    RevokeKey,
)
from commands.context import Conflict, Context, Decision
from commands.handling import Asker, Commands
from commands.routes import ROUTES
from commands.states import StateCache
from domain.access import key, tenant
from domain.access.events import (
    AcknowledgementTimeoutSet,
    KeyIssued,
    KeyRevoked,
    Role,
    TenantPlanChanged,
    TenantRegistered,
)
from domain.access.roles import ROLES, entitlements_of, may_hand_out
from domain.event import Actor, Event, Recorded
from domain.rejection import Forbidden, InvalidInput, InvalidState, NotFound
from infra.command_measures import CommandMeasures

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ROOT = Actor("api_key", "key:root")
ACME_ADMIN = Administrator("acme", "admin", deployment=False)
RIVAL_OWNER = Administrator("rival", "owner", deployment=False)
MINTED = MintedKey("K1", "ann_K1_secret", "ab12")


class MemoryLog:
    """What the commands about access need of a log: streams with a version check."""

    def __init__(self) -> None:
        self.facts: list[Recorded] = []

    async def append(self, decision: Decision, context: Context) -> int:
        for append in decision.appends:
            if len(await self.read(append.stream)) != append.expected:
                raise Conflict
        for append in decision.appends:
            for version, event in enumerate(append.events, append.expected + 1):
                envelope = (context.tenant, context.actor, NOW, NOW, context.command_id)
                self.facts.append(Recorded(len(self.facts) + 1, append.stream, version, event, *envelope))
        return len(self.facts)

    async def read(self, stream: str, after: int = 0, limit: int | None = None) -> Sequence[Recorded]:
        return [fact for fact in self.facts if fact.stream == stream and fact.version > after][:limit]


class Ids:
    def ulid(self) -> str:
        return "01JD"

    def drawing(self) -> AbstractContextManager[None]:
        return nullcontext()


class Clock:
    offset_ms = 0

    def now(self) -> datetime:
        return NOW


class Lookups:
    """No command about access looks work up."""

    due_jobs = due_tasks = None


class Deployment:
    """One node on a log."""

    def __init__(self, log: MemoryLog | None = None) -> None:
        self.log = log or MemoryLog()
        ports: Any = {"log": self.log, "lookups": Lookups(), "cipher": None, "ids": Ids(), "clock": Clock()}
        self.commands = Commands(routes=ROUTES, cache=StateCache(100), watcher=CommandMeasures(), **ports)

    async def send(self, command: Any, target: Any = None) -> Any:
        """Send a command and return its answer."""
        return (await self.commands.send(command, Asker("acme", ROOT), target)).answer

    @property
    def facts(self) -> list[Event]:
        return [fact.event for fact in self.log.facts]

    async def issue(self, command: IssueKey, by: Administrator) -> Any:
        return await self.send(command, KeyToIssue(by, MINTED))


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


@pytest.fixture
async def acme() -> Deployment:
    """Return a deployment with the tenant acme."""
    deployment = Deployment()
    await deployment.send(RegisterTenant("acme", "Acme", "free"))
    return deployment


def pointers(refusal: pytest.ExceptionInfo[InvalidInput]) -> list[str]:
    return [cause.pointer for cause in refusal.value.causes]


async def test_a_tenant_is_registered_with_its_plan_and_the_entitlements_granted_beyond_it(
    deployment: Deployment,
) -> None:
    view = await deployment.send(RegisterTenant("acme", "Acme", "free", ("analytics", "analytics")))
    assert deployment.facts == [TenantRegistered("Acme", "free", ("analytics",))]
    assert deployment.log.facts[0].stream == "tenant-acme"
    assert (view.id, view.entitlements) == ("acme", ("analytics",))


async def test_an_id_that_is_taken_is_not_given_twice(acme: Deployment) -> None:
    with pytest.raises(InvalidState, match="tenant acme already exists"):
        await acme.send(RegisterTenant("acme", "Other", "pro"))


async def test_every_wrong_field_of_a_tenant_is_named_at_once(deployment: Deployment) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await deployment.send(RegisterTenant("Not an id", "a\u0000b", "gold", ("analytics", "magic")))
    assert pointers(refusal) == ["#/id", "#/name", "#/plan", "#/entitlements/1"]


async def test_missing_fields_are_required(deployment: Deployment) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await deployment.send(RegisterTenant())
    assert [(cause.pointer, cause.detail) for cause in refusal.value.causes] == [
        ("#/id", "is required"),
        ("#/name", "is required"),
        ("#/plan", "is required"),
    ]


@pytest.mark.parametrize("wrong", ["-acme", "acme\n", "ac_me", "a" * 64, "../etc", "äcme", "acme\u0000"])
async def test_a_tenant_id_is_lower_case_letters_digits_and_hyphens(deployment: Deployment, wrong: str) -> None:
    with pytest.raises(InvalidInput):
        await deployment.send(RegisterTenant(wrong, "Acme", "free"))


async def test_a_name_may_use_every_script_but_no_control_characters_or_surrogates(deployment: Deployment) -> None:
    await deployment.send(RegisterTenant("acme", "東京 Ärzte 👩‍⚕️", "free"))
    for wrong in ("a\rb", "\ud800", "x" * 201, "   "):
        with pytest.raises(InvalidInput):
            await deployment.send(RegisterTenant("other", wrong, "free"))


async def test_a_change_of_plan_keeps_the_entitlements(acme: Deployment) -> None:
    await acme.send(ChangeTenant(entitlements=("analytics",)), "acme")
    view = await acme.send(ChangeTenant(plan="pro"), "acme")
    assert acme.facts[1:] == [TenantPlanChanged("free", ("analytics",)), TenantPlanChanged("pro", ("analytics",))]
    assert (view.plan, view.entitlements) == ("pro", ("analytics",))


async def test_a_change_to_what_already_is_appends_nothing(acme: Deployment) -> None:
    view = await acme.send(ChangeTenant(plan="free", entitlements=()), "acme")
    assert (view.plan, len(acme.facts)) == ("free", 1)


async def test_a_change_of_nothing_to_a_wrong_word_or_of_an_unknown_tenant_is_refused(acme: Deployment) -> None:
    for command in (ChangeTenant(), ChangeTenant(plan="gold"), ChangeTenant(plan=""), ChangeTenant(None, ("magic",))):
        with pytest.raises(InvalidInput):
            await acme.send(command, "acme")
    with pytest.raises(NotFound):
        await acme.send(ChangeTenant(plan="pro"), "nobody")


async def test_a_tenant_sets_how_long_an_acknowledgement_may_stay_and_takes_that_back(acme: Deployment) -> None:
    for minutes, told in ((30, 30), (0, None), (43_200, 43_200), (None, None)):
        view = await acme.send(ChangeTenant(acknowledgement_timeout_minutes=minutes), "acme")
        assert (view.acknowledgement_timeout_minutes, acme.facts[-1]) == (told, AcknowledgementTimeoutSet(told or 0))
    facts = len(acme.facts)
    view = await acme.send(ChangeTenant(acknowledgement_timeout_minutes=0), "acme")
    assert (view.acknowledgement_timeout_minutes, len(acme.facts)) == (None, facts)


async def test_a_plan_and_a_time_out_change_in_one_append_and_not_each_other(acme: Deployment) -> None:
    await acme.send(ChangeTenant("pro", None, 30), "acme")
    assert acme.facts[1:] == [TenantPlanChanged("pro"), AcknowledgementTimeoutSet(30)]
    view = await acme.send(ChangeTenant("free"), "acme")
    assert (view.plan, view.acknowledgement_timeout_minutes) == ("free", 30)


@pytest.mark.parametrize("minutes", [-1, 43_201, 10**30])
async def test_a_time_out_is_a_number_of_minutes_up_to_thirty_days(acme: Deployment, minutes: int) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await acme.send(ChangeTenant(acknowledgement_timeout_minutes=minutes), "acme")
    assert pointers(refusal) == ["#/acknowledgementTimeoutMinutes"]


async def test_a_key_is_answered_once_and_only_its_hash_becomes_a_fact(acme: Deployment) -> None:
    issued = await acme.issue(IssueKey("acme", "worker", "robot"), ACME_ADMIN)
    assert acme.facts[-1] == KeyIssued("acme", "worker", "robot", "ab12")
    assert acme.log.facts[-1].stream == "key-K1"
    assert (issued.id, issued.key) == ("K1", "ann_K1_secret")


async def test_every_wrong_field_of_a_key_is_named_at_once(acme: Deployment) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await acme.issue(IssueKey("Acme", "king", ""), ACME_ADMIN)
    assert pointers(refusal) == ["#/tenantId", "#/role", "#/name"]


@pytest.mark.parametrize("giver", ROLES)
@pytest.mark.parametrize("role", ROLES)
async def test_a_key_is_made_by_admins_and_owners_and_never_above_their_own_role(
    acme: Deployment, giver: Role, role: Role
) -> None:
    allowed = giver == "owner" or (giver == "admin" and role != "owner")
    assert may_hand_out(giver, role) is allowed
    by = Administrator("acme", giver, deployment=False)
    if allowed:
        assert (await acme.issue(IssueKey("acme", role, "robot"), by)).role == role
    else:
        with pytest.raises(Forbidden):
            await acme.issue(IssueKey("acme", role, "robot"), by)


async def test_a_foreign_tenant_is_answered_like_an_unknown_one(acme: Deployment) -> None:
    with pytest.raises(NotFound) as foreign:
        await acme.issue(IssueKey("acme", "viewer", "spy"), RIVAL_OWNER)
    with pytest.raises(NotFound) as unknown:
        await Deployment().issue(IssueKey("acme", "viewer", "spy"), ON_THE_MACHINE)
    assert str(foreign.value) == str(unknown.value)


@pytest.mark.parametrize("by", [ACME_ADMIN, ON_THE_MACHINE])
async def test_a_key_is_revoked_by_its_tenant_or_the_deployment(acme: Deployment, by: Administrator) -> None:
    await acme.issue(IssueKey("acme", "worker", "robot"), ACME_ADMIN)
    await acme.send(RevokeKey(), KeyToRevoke(by, "K1"))
    assert acme.facts[-1] == KeyRevoked()


async def test_a_revoked_a_foreign_and_an_unknown_key_are_answered_alike(acme: Deployment) -> None:
    await acme.issue(IssueKey("acme", "worker", "robot"), ACME_ADMIN)
    answers = set()
    for by, key_id in ((RIVAL_OWNER, "K1"), (ACME_ADMIN, "K2"), (ACME_ADMIN, "K1")):
        if (by, key_id) == (ACME_ADMIN, "K1"):
            await acme.send(RevokeKey(), KeyToRevoke(by, key_id))
        with pytest.raises(NotFound) as refusal:
            await acme.send(RevokeKey(), KeyToRevoke(by, key_id))
        answers.add(str(refusal.value).replace("K2", "K1"))
    assert len(answers) == 1


async def test_an_admin_does_not_revoke_an_owner(acme: Deployment) -> None:
    await acme.issue(IssueKey("acme", "owner", "boss"), ON_THE_MACHINE)
    with pytest.raises(Forbidden):
        await acme.send(RevokeKey(), KeyToRevoke(ACME_ADMIN, "K1"))


async def test_the_first_start_makes_the_tenant_and_its_owner_key_and_later_ones_nothing(
    deployment: Deployment,
) -> None:
    first = await deployment.send(FoundDeployment(), MINTED)
    assert [fact.stream for fact in deployment.log.facts] == ["tenant-default", "key-K1"]
    assert deployment.facts == [
        TenantRegistered("default", "enterprise"),
        KeyIssued("default", "owner", "bootstrap", "ab12"),
    ]
    assert first.key == "ann_K1_secret"
    assert await deployment.send(FoundDeployment(), MintedKey("K2", "other", "cd34")) is None
    assert len(deployment.facts) == 2


async def test_of_two_nodes_that_start_at_once_the_loser_finds_what_the_winner_made() -> None:
    log = MemoryLog()
    winner = Deployment(log)

    class LateLog(MemoryLog):
        """The winner gets in between the loser's reading and its append."""

        async def append(self, decision: Decision, context: Context) -> int:
            if not log.facts:
                await winner.send(FoundDeployment(), MINTED)
            return await log.append(decision, context)

        async def read(self, stream: str, after: int = 0, limit: int | None = None) -> Sequence[Recorded]:
            return await log.read(stream, after, limit)

    loser = Deployment(LateLog())
    assert await loser.send(FoundDeployment(), MintedKey("K2", "other", "cd34")) is None
    assert [fact.stream for fact in log.facts] == ["tenant-default", "key-K1"]


def test_a_tenant_and_a_key_are_what_their_facts_tell() -> None:
    state = tenant.evolve(None, TenantRegistered("Acme", "free"))
    state = tenant.evolve(state, TenantPlanChanged("pro", ("analytics",)))
    assert state == tenant.Tenant("Acme", "pro", ("analytics",))
    assert state.entitlements == {"analytics"}
    issued = key.evolve(None, KeyIssued("acme", "viewer", "eye", "ab"))
    assert issued == key.Key("acme", "viewer", "eye", "ab")
    assert key.evolve(issued, KeyRevoked()) == key.Key("acme", "viewer", "eye", "ab", revoked=True)
    assert tenant.evolve(state, AcknowledgementTimeoutSet(5)) == tenant.Tenant("Acme", "pro", ("analytics",), 5)
    assert tenant.evolve(None, TenantPlanChanged("pro")) is None
    assert tenant.evolve(None, AcknowledgementTimeoutSet(5)) is None
    assert key.evolve(None, KeyRevoked()) is None


def test_analytics_comes_with_the_enterprise_plan_or_by_grant() -> None:
    assert entitlements_of("enterprise", ()) == {"analytics"}
    assert entitlements_of("pro", ()) == set()
    assert entitlements_of("free", ("analytics",)) == {"analytics"}
