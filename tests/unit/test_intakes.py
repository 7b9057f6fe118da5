"""Who may open and close intakes, how many there may be, and what the log knows of their secrets."""

from typing import Any

import pytest

from commands.access import Administrator, RegisterTenant
from commands.intakes import CloseIntake, IntakeToClose, IntakeToOpen, MintedIntake, OpenIntake
from domain.event import Event
from domain.identity import intake_stream, intakes_stream
from domain.intakes.events import IntakeClosed, IntakeListed, IntakeOpened, IntakeUnlisted
from domain.intakes.intake import Intake
from domain.intakes.open_intakes import MOST_OPEN
from domain.rejection import InvalidInput, InvalidState, NotFound
from infra.intakes import ActiveIntake, IntakeSecrets
from infra.secret_key import SecretKey
from tests.story import MORNING, Stage

ACME = Administrator("acme", "admin", deployment=False)
RIVAL = Administrator("rival", "owner", deployment=False)
DEPLOYMENT = Administrator("default", "owner", deployment=True)
ALERTMANAGER = OpenIntake("acme", "alertmanager", "Prometheus")
BODY = b'{"title":"Disk full"}'


def minted(number: int) -> MintedIntake:
    return MintedIntake(f"I{number}", "secret", "sealed", "routing key", "hash")


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.send(RegisterTenant("acme", "Acme", "free"), tenant="acme")
    stage.send(RegisterTenant("rival", "Rival", "free"), tenant="rival")
    return stage


def opened(stage: Stage, command: OpenIntake = ALERTMANAGER, by: Administrator = ACME, number: int = 1) -> Any:
    return stage.send(command, IntakeToOpen(by, minted(number)), tenant=command.tenant_id)


def closed(stage: Stage, by: Administrator = ACME, number: int = 1) -> Any:
    return stage.send(CloseIntake(), IntakeToClose(by, f"I{number}"), tenant="acme")


def facts(stage: Stage, stream: str) -> list[Event]:
    return [fact.event for fact in stage.log.streams[stream]]


def test_an_intake_is_opened_and_listed_and_closed_and_struck_off_the_list(stage: Stage) -> None:
    assert opened(stage) == "I1"
    closed(stage)
    assert facts(stage, intake_stream("I1")) == [
        IntakeOpened("alertmanager", "Prometheus", "sealed", "hash"),
        IntakeClosed(),
    ]
    assert facts(stage, intakes_stream("acme", "alertmanager")) == [IntakeListed("I1"), IntakeUnlisted("I1")]


def test_the_lists_of_two_tenants_never_meet() -> None:
    assert intakes_stream("acme-eu", "custom") != intakes_stream("acme", "eu-custom")
    assert len({intakes_stream(tenant, "custom") for tenant in ("acme-eu", "acme", "eu")}) == 3


def test_the_deployments_owner_opens_and_closes_for_every_tenant(stage: Stage) -> None:
    assert opened(stage, by=DEPLOYMENT) == "I1"
    closed(stage, by=DEPLOYMENT)


def test_a_tenant_that_one_may_not_see_is_as_unknown_as_any_other(stage: Stage) -> None:
    for tenant in ("acme", "nobody"):
        with pytest.raises(NotFound, match=f"tenant {tenant} could not be found"):
            opened(stage, OpenIntake(tenant, "custom", "spy"), by=RIVAL)
    with pytest.raises(NotFound, match="tenant nobody could not be found"):
        opened(stage, OpenIntake("nobody", "custom", "spy"), by=DEPLOYMENT)


def test_a_foreign_intake_is_closed_as_little_as_an_unknown_or_a_closed_one(stage: Stage) -> None:
    opened(stage)
    for by, number in ((RIVAL, 1), (ACME, 2)):
        with pytest.raises(NotFound, match=f"intake I{number} could not be found"):
            closed(stage, by, number)
    closed(stage)
    with pytest.raises(NotFound, match="intake I1 could not be found"):
        closed(stage)


def test_a_tenant_has_so_many_intakes_for_a_provider_and_no_more(stage: Stage) -> None:
    for number in range(MOST_OPEN):
        opened(stage, number=number)
    with pytest.raises(InvalidState, match=f"tenant acme has {MOST_OPEN} intakes for alertmanager already"):
        opened(stage, number=99)
    opened(stage, OpenIntake("acme", "custom", "another provider"), number=99)
    closed(stage, number=3)
    opened(stage, number=100)


@pytest.mark.parametrize(
    ("command", "pointers"),
    [
        (OpenIntake(), ["#/tenantId", "#/provider", "#/name"]),
        (OpenIntake("acme", "datadog", "d"), ["#/provider"]),
        (OpenIntake("Acme", "custom", "d"), ["#/tenantId"]),
        (OpenIntake("acme", "custom", "a\0b"), ["#/name"]),
        (OpenIntake("acme", "custom", "n" * 201), ["#/name"]),
    ],
)
def test_wrong_fields_are_pointed_at_and_nothing_is_stored(
    stage: Stage, command: OpenIntake, pointers: list[str]
) -> None:
    before = len(stage.log.facts)
    with pytest.raises(InvalidInput) as refused:
        opened(stage, command)
    assert [cause.pointer for cause in refused.value.causes] == pointers
    assert len(stage.log.facts) == before


def intake(minted: MintedIntake, tenant: str = "acme") -> Intake:
    return Intake(tenant, "pagerduty", "On-call", minted.sealed_secret, minted.routing_key_hash, MORNING)


def read(secrets: IntakeSecrets, minted: MintedIntake, tenant: str = "acme", intake_id: str = "I1") -> ActiveIntake:
    found = secrets.read(intake_id, intake(minted, tenant))
    assert found is not None
    return found


def signed(secret: str, body: bytes = BODY) -> bytes:
    return SecretKey((secret,)).fingerprint(body).encode()


def test_what_opens_an_intake_is_long_and_random_and_shown_only_to_who_opens_it() -> None:
    secrets = IntakeSecrets(SecretKey(("the pepper of a node",)))
    one, two = (secrets.mint("acme", "I1", with_routing_key=True) for _ in range(2))
    assert len(one.secret) == 64
    assert int(one.secret, 16)
    assert len(one.routing_key) == 32
    for shown in (one.secret, one.routing_key):
        assert shown not in one.sealed_secret + one.routing_key_hash
    assert len({*one, *two} - {"I1"}) == 8
    assert secrets.mint("acme", "I1", with_routing_key=False).routing_key == ""


def test_what_is_signed_with_the_secret_passes_and_nothing_else() -> None:
    secrets = IntakeSecrets(SecretKey(("the pepper of a node",)))
    minted = secrets.mint("acme", "I1", with_routing_key=True)
    door = read(secrets, minted)
    right = signed(minted.secret)
    assert door.signed(BODY, right)
    assert not door.signed(BODY + b" ", right)
    for wrong in (b"", right[:-1], right[:-1] + b"x", right.upper(), b"\xff\xfe", signed("another")):
        assert not door.signed(BODY, wrong)
    assert door.opened_by(secrets.hashes(minted.routing_key))
    for key in ("", minted.routing_key[:-1], minted.secret):
        assert not door.opened_by(secrets.hashes(key))


def test_an_intake_without_a_routing_key_is_opened_by_none() -> None:
    secrets = IntakeSecrets(SecretKey(("the pepper of a node",)))
    door = read(secrets, secrets.mint("acme", "I1", with_routing_key=False))
    assert not door.opened_by(secrets.hashes(""))


def test_secrets_outlive_the_rotation_of_the_secret_key_as_long_as_the_old_one_is_kept() -> None:
    minted = IntakeSecrets(SecretKey(("the first pepper",))).mint("acme", "I1", with_routing_key=True)
    both = IntakeSecrets(SecretKey(("the second pepper", "the first pepper")))
    door = read(both, minted)
    assert door.signed(BODY, signed(minted.secret))
    assert door.opened_by(both.hashes(minted.routing_key))
    only_new = IntakeSecrets(SecretKey(("the second pepper",)))
    assert only_new.read("I1", intake(minted)) is None


def test_a_sealed_secret_opens_nothing_but_its_own_intake() -> None:
    secrets = IntakeSecrets(SecretKey(("the pepper of a node",)))
    minted = secrets.mint("acme", "I1", with_routing_key=False)
    assert secrets.read("I2", intake(minted)) is None
    assert secrets.read("I1", intake(minted, "rival")) is None
