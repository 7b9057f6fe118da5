"""The deployment's secret key: it peppers the hashes of API keys (design 3; reliability 5.1).

It comes from ``ANNALS_SECRET_KEY`` (a list, new to old, for rotation) and is the same on all nodes. Without it one is
made once and kept in the data directory, readable by its owner alone.
"""

import hmac
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from commands.access import MintedKey

FILE_NAME = "secret_key"
#: 192 bits.
_RANDOM_BYTES = 24
_SECRET_KEY_BYTES = 32
KEY_ID = re.compile(r"[0-9A-Za-z]{1,64}")
_OURS = re.compile(rf"ann_({KEY_ID.pattern})_.+")


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

    def hashes(self, key: str) -> tuple[str, ...]:
        """Return the hashes under which a key may be stored, the newest pepper's first."""
        raw = key.encode(errors="surrogatepass")
        return tuple(hmac.digest(pepper, raw, "sha256").hex() for pepper in self._peppers)


def load_secret_key(configured: Sequence[str], data_dir: Path) -> SecretKey:
    """Return the configured key, or the one in the data directory, which is made when it is missing."""
    return SecretKey(configured or (_kept(data_dir / FILE_NAME),))


def _kept(path: Path) -> str:
    """Read the key file; of two nodes that make it at once the first one's stays."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{FILE_NAME}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_SECRET_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        _publish(draft, path)
    return path.read_text(encoding="ascii").strip()


def _publish(draft: Path, path: Path) -> None:
    """Give the finished file its name, unless another node was first; a half-written key is never seen."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
