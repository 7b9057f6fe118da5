"""Secrets in the log can be opened by the deployment alone, and where they belong alone."""

import base64

from infra.delivery.secrets import WebhookSecrets
from infra.sealing import Seal
from infra.secret_key import SecretKey

OLD, NEW = "the first key of all", "the key after that"


def webhooks(*keys: str) -> WebhookSecrets:
    return WebhookSecrets(SecretKey(keys))


def test_a_secret_of_a_webhook_is_read_back_as_it_was_made() -> None:
    sealed = webhooks(OLD).mint("acme", "W1")
    secret = webhooks(OLD).read("acme", "W1", sealed)
    assert secret is not None
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert secret not in sealed
    assert webhooks(OLD).read("acme", "W1", webhooks(OLD).mint("acme", "W1")) != secret


def test_a_secret_that_the_client_brought_is_kept_as_it_is() -> None:
    assert webhooks(OLD).read("acme", "W1", webhooks(OLD).mint("acme", "W1", "whsec_AAAA")) == "whsec_AAAA"


def test_a_secret_opens_no_other_webhook_nor_tenant_nor_kind() -> None:
    sealed = webhooks(OLD).mint("acme", "W1")
    assert webhooks(OLD).read("acme", "W2", sealed) is None
    assert webhooks(OLD).read("rival", "W1", sealed) is None
    assert Seal(SecretKey((OLD,)), b"annals: secrets of intakes", "webhook").open(sealed, "acme", "W1") is None
    assert Seal(SecretKey((OLD,)), b"annals: secrets of webhooks", "intake").open(sealed, "acme", "W1") is None


def test_a_secret_outlives_a_rotation_of_the_deployments_key_as_long_as_the_old_one_is_listed() -> None:
    sealed = webhooks(OLD).mint("acme", "W1", "whsec_AAAA")
    assert webhooks(NEW, OLD).read("acme", "W1", sealed) == "whsec_AAAA"
    assert webhooks(NEW).read("acme", "W1", sealed) is None


def test_what_was_tampered_with_is_not_read() -> None:
    sealed = webhooks(OLD).mint("acme", "W1", "whsec_AAAA")
    for broken in ("", sealed[:-4], "A" * len(sealed), "\u00e9"):
        assert webhooks(OLD).read("acme", "W1", broken) is None
