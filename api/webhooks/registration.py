"""What commands about webhooks take from outside: a fresh id, a secret, and where this deployment may deliver to."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from msgspec import UNSET

from commands import webhook_fields
from commands.handling import Outcome
from commands.intents import Intent
from commands.webhooks import (
    CHANGE,
    CREATE,
    ChangeWebhook,
    CreateWebhook,
    MintedWebhook,
    RotateWebhookSecret,
    SealedAnswer,
    SecretToRotate,
)
from domain.rejection import Cause, InvalidInput, InvalidState
from infra.delivery.secrets import WebhookSecrets
from infra.delivery.targets import TargetRefused, Targets

#: Has a command handled, with its target, in somebody's name.
Send = Callable[[Intent, Any], Awaitable[Outcome]]


class Minted(NamedTuple):
    """A webhook whose secret has just been made: the only time that it is shown, but to who repeats the request."""

    ulid: str
    secret: str
    outcome: Outcome


class Registration:
    """Makes and changes webhooks."""

    def __init__(self, secrets: WebhookSecrets, targets: Targets, ulid: Callable[[], str]) -> None:
        self._secrets = secrets
        self._targets = targets
        self._ulid = ulid

    async def create(self, command: CreateWebhook, tenant: str, send: Send) -> Minted:
        """Make a webhook with a secret of ours, or with the client's."""
        self._require_allowed(CREATE, command.url)
        ulid = self._ulid()
        target = MintedWebhook(ulid, self._secrets.mint(tenant, ulid, command.secret))
        return self._minted(await send(command, target), tenant)

    async def change(self, command: ChangeWebhook, ulid: str, send: Send) -> Outcome:
        """Have others delivered, or elsewhere."""
        if command.url is not UNSET:
            self._require_allowed(CHANGE, command.url)
        return await send(command, ulid)

    async def rotate(self, command: RotateWebhookSecret, ulid: str, tenant: str, send: Send) -> Minted:
        """Have signatures made with a new secret."""
        target = SecretToRotate(ulid, self._secrets.mint(tenant, ulid, command.secret))
        return self._minted(await send(command, target), tenant)

    def _require_allowed(self, title: str, url: str) -> None:
        """Refuse an address to which nothing would be delivered here; what is wrong everywhere the command refuses."""
        if any(webhook_fields.url(url)):
            return
        try:
            self._targets.target(url)
        except TargetRefused:
            reason = "must be of https and a usual port, unless the deployment names its host"
            raise InvalidInput(title, "fields are invalid", [Cause("#/url", "url", reason)]) from None

    def _minted(self, outcome: Outcome, tenant: str) -> Minted:
        """Return what was made; who repeats a request gets what was made first."""
        answer: SealedAnswer = outcome.answer
        secret = self._secrets.read(tenant, answer.id, answer.sealed_secret)
        if secret is None:
            raise InvalidState("failed to tell secret", "the deployment's secret key has changed since it was made")
        return Minted(answer.id, secret, outcome)
