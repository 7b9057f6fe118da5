"""Encryption of variables: AES-256-GCM under the keys of ``ANNALS_ENCRYPTION_KEYS`` (contracts/engine.md 2.15).

A stored text is base64(nonce and ciphertext). It is bound to where its variable lives (the associated data: tenant,
instance, scope and name): moved to another place it cannot be read, even by us. The first key encrypts, all of them are
tried on read, so a key is rotated by putting a new one in front and keeping the old ones behind it.
"""

import base64
import binascii
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.rejection import InvalidInput

_NONCE_BYTES = 12
_TAG_BYTES = 16


class VariableCipher:
    """Encrypts and decrypts variables; without keys it refuses both.

    Random nonces of 96 bits are safe for 2^32 encryptions under one key (NIST SP 800-38D, 8.3): rotate long before.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Take keys of 32 bytes, new to old."""
        self._ciphers = tuple(AESGCM(key) for key in keys)

    def encrypt(self, text: str, associated_data: str) -> str:
        """Return base64(nonce and ciphertext) under the newest key."""
        if not self._ciphers:
            raise InvalidInput("failed to encrypt variable", "no encryption keys are configured")
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[0].encrypt(nonce, text.encode(), associated_data.encode())
        return base64.b64encode(nonce + sealed).decode("ascii")

    def decrypt(self, text: str, associated_data: str) -> str:
        """Return the text that was encrypted at this very place, under whichever key it was."""
        title = "failed to decrypt variable"
        if not self._ciphers:
            raise InvalidInput(title, "no encryption keys are configured")
        nonce, sealed = _opened(text)
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(nonce, sealed, associated_data.encode()).decode()
            except InvalidTag:
                continue
        raise InvalidInput(title, "no configured encryption key opens it")


def _opened(text: str) -> tuple[bytes, bytes]:
    """Split nonce and ciphertext; what is not of our making comes out as something that no key opens."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    raw = raw if len(raw) >= _NONCE_BYTES + _TAG_BYTES else bytes(_NONCE_BYTES + _TAG_BYTES)
    return raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
