"""The deployment's secret key: it peppers the hashes of API keys, seals and signs (design 3; reliability 5.1).

It comes from ``ANNALS_SECRET_KEY`` (a list, new to old, for rotation) and is the same on all nodes. Without it one is
made once and kept in the data directory, readable by its owner alone.
"""

import contextlib
import hmac
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from commands.access import MintedKey
from infra.data_directory import DataDirectory, DataDirectoryUnusable, open_private

FILE_NAME = "secret_key"
#: 192 bits.
_RANDOM_BYTES = 24
_SECRET_KEY_BYTES = 32
KEY_ID = re.compile(r"[0-9A-Za-z]{1,64}")
_OURS = re.compile(rf"ann_({KEY_ID.pattern})_.+")


class NoSecretKey(Exception):
    """The deployment has a secret key, but not here."""


class SecretKey:
    """Makes API keys and hashes them. A hash is hex of HMAC-SHA-256 under the newest key; older ones still match.

    A fast hash is right here: what it covers has at least 128 random bits, so there is nothing to guess.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._peppers = tuple(key.encode() for key in keys)

    def mint(self, key_id: str) -> MintedKey:
        """Make an API key ``ann_<id>_<secret>`` with 192 random bits."""
        key = f"ann_{key_id}_{secrets.token_hex(_RANDOM_BYTES)}"
        return MintedKey(key_id, key, self.hashes(key)[0])

    def adopt(self, key: str, fallback_id: str) -> MintedKey:
        """Take a key that someone else made; its id is the one it says, or else ``fallback_id``."""
        ours = _OURS.fullmatch(key)
        return MintedKey(ours[1] if ours else fallback_id, key, self.hashes(key)[0])

    def fingerprint(self, request: bytes) -> str:
        """Return a text that stands for a request. It is keyed: a plain hash of a short secret could be guessed."""
        return hmac.digest(self._peppers[0], request, "sha256").hex()

    def derived(self, purpose: bytes) -> tuple[bytes, ...]:
        """Return keys of 32 bytes for another purpose, new to old: neither this one nor another follows from them."""
        return tuple(HKDF(SHA256(), length=32, salt=None, info=purpose).derive(pepper) for pepper in self._peppers)

    def hashes(self, key: str) -> tuple[str, ...]:
        """Return the hashes under which a key may be stored, the newest pepper's first."""
        raw = key.encode(errors="surrogatepass")
        return tuple(hmac.digest(pepper, raw, "sha256").hex() for pepper in self._peppers)


def load_secret_key(configured: Sequence[str], data_dir: Path, *, make: bool = True) -> SecretKey:
    """Return the configured key, or the one in the data directory, which is made when it is missing.

    Raise ``DataDirectoryUnusable`` when it cannot be read or made, and ``NoSecretKey`` when it should not be made.
    """
    if configured:
        return SecretKey(configured)
    path = data_dir / FILE_NAME
    try:
        if not path.exists():
            if not make:
                raise NoSecretKey("no secret key is here: set ANNALS_SECRET_KEY to the one that the nodes have")
            _make(path)
        kept = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DataDirectoryUnusable(f"cannot read or make {path}: {error}") from error
    if len(kept) < _SECRET_KEY_BYTES:
        raise DataDirectoryUnusable(f"{path} does not hold a secret key")
    return SecretKey((kept,))


def _make(path: Path) -> None:
    """Write a key aside and then give it its name; of two nodes at once the first one's stays, and no part is seen."""
    DataDirectory(path.parent).create()
    draft = path.with_name(f".{FILE_NAME}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(open_private(draft, os.O_WRONLY | os.O_EXCL), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_SECRET_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
