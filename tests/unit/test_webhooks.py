"""Webhooks are made, changed and asked to send: the whole path of their commands, on a log in memory."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from commands.intents import Intent
from commands.states import Versioned, fold
from commands.webhooks import (
    MOST_WEBHOOKS,
    ChangeWebhook,
    CreateWebhook,
    DeleteWebhook,
    DisableWebhook,
    EnableWebhook,
    MintedWebhook,
    RedeliverEvent,
    ReplayEvents,
    RotateWebhookSecret,
    SealedAnswer,
    SecretToRotate,
    TestWebhook,
)
from domain.event import Event
from domain.identity import register_stream, webhook_stream
from domain.registers.events import MemberListed, MemberUnlisted
from domain.rejection import InvalidInput, InvalidState, NotFound
from domain.webhooks.events import (
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDisabled,
    WebhookEnabled,
    WebhookRedeliveryRequested,
    WebhookReplayRequested,
    WebhookSecretRotated,
    WebhookTested,
)
from domain.webhooks.webhook import MOST_SECRETS, Webhook
from tests.story import TENANT, Stage

URL = "https://receiver.example/hooks?of=annals"
ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def whsec(length: int) -> str:
    return "whsec_" + base64.b64encode(bytes(length)).decode()


def created(stage: Stage, ulid: str = ULID, **given: Any) -> str:
    answer: SealedAnswer = stage.send(CreateWebhook(**{"url": URL, **given}), MintedWebhook(ulid, "sealed"))
    assert answer == SealedAnswer(ulid, "sealed")
    return ulid


def facts(stage: Stage, ulid: str = ULID) -> list[Event]:
    return [fact.event for fact in stage.log.streams[webhook_stream(ulid)]]


def webhook(stage: Stage) -> Webhook:
    state: Webhook = fold(webhook_stream(ULID), Versioned(0, None), stage.log.streams[webhook_stream(ULID)]).state
    return state


def refused(stage: Stage, command: Intent, target: Any = None) -> list[str]:
    """Return the pointers of the causes for which a command is refused."""
    before = len(stage.log.facts)
    with pytest.raises(InvalidInput) as refusal:
        stage.send(command, target)
    assert len(stage.log.facts) == before
    return [cause.pointer for cause in refusal.value.causes]


def test_a_webhook_is_made_and_listed_in_one_append() -> None:
    stage = Stage()
    created(stage)
    assert facts(stage) == [WebhookCreated(URL, "sealed")]
    listed = [fact.event for fact in stage.log.streams[register_stream("webhooks", TENANT)]]
    assert listed == [MemberListed(ULID)]
    assert len({fact.correlation_id for fact in stage.log.facts}) == 1


def test_a_webhook_keeps_what_it_is_to_deliver() -> None:
    stage = Stage()
    types = ("incident.*", "job.locked.v1", "incident.*")
    created(stage, description=" Desk ", types=types, process_key=" order ", ordered=True)
    assert facts(stage) == [
        WebhookCreated(URL, "sealed", "Desk", ("incident.*", "job.locked.v1"), "order", ordered=True)
    ]


def test_a_tenant_has_so_many_webhooks_and_no_more_and_others_do_not_count() -> None:
    stage = Stage()
    ulids = [f"01ARZ3NDEKTSV4RRFFQ69G{number:04d}" for number in range(MOST_WEBHOOKS + 2)]
    for ulid in ulids[:MOST_WEBHOOKS]:
        created(stage, ulid)
    last, rivals = ulids[-2:]
    with pytest.raises(InvalidState, match="the tenant has 100 webhooks already"):
        created(stage, last)
    stage.send(CreateWebhook(url=URL), MintedWebhook(rivals, "sealed"), tenant="rival")
    stage.send(DeleteWebhook(), ulids[7])
    created(stage, last)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "receiver.example/hooks",
        "ftp://receiver.example/",
        "https://",
        "https:///hooks",
        "//receiver.example/",
        "https://user@receiver.example/",
        "https://user:word@receiver.example/",
        "https://@receiver.example/",
        "https://receiver.example/#part",
        "https://receiver.example/#",
        "https://receiver.example:0/",
        "https://receiver.example:65536/",
        "https://receiver.example:port/",
        "https://[::1/",
        "https://receiver.example/\r\nhost: other",
        "https://receiver.example/a b",
        " https://receiver.example/",
        "https://receiver.example\\@other.example/",
        "https://receiver.example/\x00",
        "https://r\u00e9ceiver.example/",
        "https://receiver.example/" + "a" * 2048,
    ],
)
def test_an_address_that_cannot_be_right_is_refused(url: str) -> None:
    stage = Stage()
    assert refused(stage, CreateWebhook(url=url), MintedWebhook(ULID, "sealed")) == ["#/url"]
    created(stage)
    assert refused(stage, ChangeWebhook(url=url), ULID) == ["#/url"]


def test_a_refused_address_is_not_told_again_for_it_may_hold_a_password() -> None:
    with pytest.raises(InvalidInput) as refusal:
        Stage().send(CreateWebhook(url="https://user:word@receiver.example/"), MintedWebhook(ULID, "sealed"))
    assert "word@" not in str(refusal.value) + repr(refusal.value.causes)


@pytest.mark.parametrize(
    ("given", "pointers"),
    [
        ({"types": ("incident.opened",)}, ["#/types/0"]),
        ({"types": ("incident.*", "nothing.*", "*", "", "incident*")}, [f"#/types/{n}" for n in range(1, 5)]),
        ({"types": ("incident.*",) * 101}, ["#/types"]),
        ({"description": "a" * 501}, ["#/description"]),
        ({"description": "\x07"}, ["#/description"]),
        ({"process_key": "a" * 256}, ["#/processKey"]),
        ({"process_key": "\x00"}, ["#/processKey"]),
    ],
)
def test_wrong_fields_are_refused_each_with_its_cause(given: dict[str, Any], pointers: list[str]) -> None:
    stage = Stage()
    assert refused(stage, CreateWebhook(url=URL, **given), MintedWebhook(ULID, "sealed")) == pointers
    created(stage)
    assert refused(stage, ChangeWebhook(**given), ULID) == pointers


@pytest.mark.parametrize("secret", [whsec(23), whsec(65), "whsec_", "whsec_!" + "A" * 40, "A" * 44, "wh\u00e9"])
def test_a_secret_of_the_client_s_own_must_be_one(secret: str) -> None:
    stage = Stage()
    assert refused(stage, CreateWebhook(url=URL, secret=secret), MintedWebhook(ULID, "sealed")) == ["#/secret"]
    created(stage)
    assert refused(stage, RotateWebhookSecret(secret=secret), SecretToRotate(ULID, "next")) == ["#/secret"]


@pytest.mark.parametrize("length", [24, 64])
def test_a_client_may_bring_its_own_secret(length: int) -> None:
    stage = Stage()
    created(stage, secret=whsec(length))
    assert whsec(length) not in str(facts(stage))


def test_only_what_differs_is_changed() -> None:
    stage = Stage()
    created(stage, description="Desk")
    change = ChangeWebhook(url=URL, description="Desk ", types=("job.*", "job.*"), ordered=True)
    assert stage.send(change, ULID) == ULID
    assert stage.send(change, ULID) == ULID
    assert facts(stage)[1:] == [WebhookChanged(types=("job.*",), ordered=True)]


def test_a_filter_can_be_taken_away() -> None:
    stage = Stage()
    created(stage, types=("job.*",), process_key="order")
    stage.send(ChangeWebhook(types=(), process_key=""), ULID)
    assert facts(stage)[1:] == [WebhookChanged(types=(), process_key="")]


def test_a_change_of_nothing_is_refused() -> None:
    stage = Stage()
    created(stage)
    assert refused(stage, ChangeWebhook(), ULID) == []


def test_a_new_secret_signs_beside_the_one_before_until_its_time_is_over() -> None:
    stage = Stage()
    created(stage)
    rotated = stage.send(RotateWebhookSecret(), SecretToRotate(ULID, "next"))
    assert rotated == SealedAnswer(ULID, "next")
    day = stage.clock.now() + timedelta(days=1)
    assert facts(stage)[1:] == [WebhookSecretRotated("next", day)]
    assert [(secret.sealed, secret.until) for secret in webhook(stage).secrets] == [("next", None), ("sealed", day)]


def test_no_more_secrets_sign_at_a_time_than_may_and_the_oldest_goes() -> None:
    stage = Stage()
    created(stage)
    for number in range(MOST_SECRETS):
        stage.send(RotateWebhookSecret(), SecretToRotate(ULID, f"next {number}"))
    assert [secret.sealed for secret in webhook(stage).secrets] == [f"next {number}" for number in range(3, -1, -1)]


@pytest.mark.parametrize("seconds", [-1, 604_801])
def test_a_secret_signs_on_for_a_week_at_most(seconds: int) -> None:
    stage = Stage()
    created(stage)
    rotate = RotateWebhookSecret(overlap_seconds=seconds)
    assert refused(stage, rotate, SecretToRotate(ULID, "next")) == ["#/overlapSeconds"]


def test_disabling_and_enabling_happen_once() -> None:
    stage = Stage()
    created(stage)
    for command in (
        EnableWebhook(),
        DisableWebhook("gone"),
        DisableWebhook(),
        EnableWebhook(),
        EnableWebhook(),
        DisableWebhook(),
    ):
        assert stage.send(command, ULID) == ULID
    assert facts(stage)[1:] == [WebhookDisabled("gone"), WebhookEnabled(), WebhookDisabled()]


def test_a_deleted_webhook_is_not_there_any_more_and_makes_room() -> None:
    stage = Stage()
    created(stage)
    assert stage.send(DeleteWebhook(), ULID) == ULID
    assert facts(stage)[1:] == [WebhookDeleted()]
    listed = [fact.event for fact in stage.log.streams[register_stream("webhooks", TENANT)]]
    assert listed == [MemberListed(ULID), MemberUnlisted(ULID)]


def test_what_is_to_be_sent_is_a_fact() -> None:
    stage = Stage()
    created(stage)
    for command in (TestWebhook(), RedeliverEvent(7), ReplayEvents(0, 9)):
        assert stage.send(command, ULID) == ULID
    assert facts(stage)[1:] == [WebhookTested(), WebhookRedeliveryRequested(7), WebhookReplayRequested(0, 9)]


@pytest.mark.parametrize(
    ("command", "pointers"),
    [
        (RedeliverEvent(), ["#/position"]),
        (RedeliverEvent(-1), ["#/position"]),
        (ReplayEvents(), ["#/upto"]),
        (ReplayEvents(5, 5), ["#/upto"]),
        (ReplayEvents(-1, 5), ["#/after"]),
        (ReplayEvents(-1, -1), ["#/after", "#/upto"]),
    ],
)
def test_positions_that_no_event_has_are_refused(command: Intent, pointers: list[str]) -> None:
    stage = Stage()
    created(stage)
    assert refused(stage, command, ULID) == pointers


@pytest.mark.parametrize("command", [TestWebhook(), RedeliverEvent(7), ReplayEvents(0, 9)])
def test_a_disabled_webhook_is_asked_for_nothing(command: Intent) -> None:
    stage = Stage()
    created(stage)
    stage.send(DisableWebhook(), ULID)
    with pytest.raises(InvalidState, match=f"webhook whk_{ULID} is disabled"):
        stage.send(command, ULID)
    stage.send(EnableWebhook(), ULID)
    stage.send(command, ULID)


@pytest.mark.parametrize(
    "command",
    [
        ChangeWebhook(ordered=True),
        RotateWebhookSecret(),
        EnableWebhook(),
        DisableWebhook(),
        DeleteWebhook(),
        TestWebhook(),
        RedeliverEvent(7),
        ReplayEvents(0, 9),
    ],
    ids=lambda command: type(command).__name__,
)
def test_unknown_deleted_and_foreign_webhooks_are_answered_alike(command: Intent) -> None:
    stage = Stage()
    created(stage)
    ulid = "01ARZ3NDEKTSV4RRFFQ69G5FA0"
    created(stage, ulid)
    stage.send(DeleteWebhook(), ulid)
    strangers = [("01ARZ3NDEKTSV4RRFFQ69G5FA1", TENANT), (ulid, TENANT), (ULID, "rival")]
    for stranger, tenant in strangers:
        target = SecretToRotate(stranger, "next") if isinstance(command, RotateWebhookSecret) else stranger
        with pytest.raises(NotFound) as refusal:
            stage.send(command, target, tenant=tenant)
        assert refusal.value.detail == f"webhook whk_{stranger} could not be found"
