"""Secrets of webhooks: what receivers verify signatures with (https://www.standardwebhooks.com).

One is ``whsec_`` and the base64 form of its bytes.
"""

import base64
import secrets

from commands.webhook_fields import SECRET_PREFIX
from infra.sealing import Seal
from infra.secret_key import SecretKey

#: 256 bits.
_BYTES = 32

#: What the key that seals secrets of webhooks is derived for.
_PURPOSE = b"annals: secrets of webhooks"


class WebhookSecrets:
    """Makes secrets of webhooks, and reads them back from what the log has of them."""

    def __init__(self, secret_key: SecretKey) -> None:
        self._seal = Seal(secret_key, _PURPOSE, "webhook")

    def mint(self, tenant: str, webhook: str, own: str = "") -> str:
        """Return a fresh secret, or the one that a client has brought, sealed; ``webhook`` is a ULID."""
        secret = own or SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode("ascii")
        return self._seal.close(secret, tenant, webhook)

    def read(self, tenant: str, webhook: str, sealed: str) -> str | None:
        """Return a secret as it was made; None when no secret key that is left opens it."""
        return self._seal.open(sealed, tenant, webhook)
