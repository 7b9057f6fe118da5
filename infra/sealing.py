"""Secrets of single things, as the log keeps them: sealed under a key that is derived from the deployment's secret key.

Each is bound to its tenant and thing, so that moved to another one it opens nothing. With several secret keys the first
one seals and all of them open.
"""

import structlog

from domain.rejection import InvalidInput
from infra.encryption import VariableCipher
from infra.secret_key import SecretKey

log = structlog.get_logger(__name__)


class Seal:
    """Seals the secrets of things of one kind, and opens them."""

    def __init__(self, secret_key: SecretKey, purpose: bytes, kind: str) -> None:
        self._cipher = VariableCipher(secret_key.derived(purpose))
        self._kind = kind

    def close(self, secret: str, tenant: str, thing: str) -> str:
        """Return a secret as the log may know it; ``thing`` is an id."""
        return self._cipher.encrypt(secret, self._bound(tenant, thing))

    def open(self, sealed: str, tenant: str, thing: str) -> str | None:
        """Return the secret; None, and a word in the log, when no secret key that is left opens it."""
        try:
            return self._cipher.decrypt(sealed, self._bound(tenant, thing))
        except InvalidInput:
            log.warning("a secret cannot be read: it was sealed under another secret key", of=self._kind, id=thing)
            return None

    def _bound(self, tenant: str, thing: str) -> str:
        return f"{self._kind}|{tenant}|{thing}"
