"""The deployment's secret key: made once, readable by its owner alone, rotated by a list."""

import hashlib
import hmac
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.data_directory import DataDirectoryUnusable
from infra.secret_key import FILE_NAME, NoSecretKey, SecretKey, load_secret_key


def test_a_minted_key_says_its_id_and_no_two_are_alike() -> None:
    one, two = (SecretKey(["pepper"]).mint("01JD") for _ in range(2))
    assert re.fullmatch(r"ann_01JD_[0-9a-f]{48}", one.key)
    assert one.key != two.key
    assert one.key_hash == hmac.new(b"pepper", one.key.encode(), hashlib.sha256).hexdigest()


def test_a_key_hashed_before_a_rotation_still_matches_after_it() -> None:
    before = SecretKey(["old"]).hashes("key")
    after = SecretKey(["new", "old"]).hashes("key")
    assert before[0] in after
    assert after[0] == SecretKey(["new"]).hashes("key")[0]
    assert before[0] not in SecretKey(["new"]).hashes("key")


def test_an_adopted_key_keeps_the_id_it_says_and_takes_the_given_one_otherwise() -> None:
    secret_key = SecretKey(["pepper"])
    assert secret_key.adopt("ann_01JD_secret", "other").id == "01JD"
    assert secret_key.adopt("plain text", "other").id == "other"


def test_without_configuration_one_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    data_dir = tmp_path / "new" / "annals"
    first = load_secret_key((), data_dir)
    assert first.hashes("key") == load_secret_key((), data_dir).hashes("key")
    assert stat.S_IMODE((data_dir / FILE_NAME).stat().st_mode) == 0o600
    assert [file.name for file in data_dir.iterdir()] == [FILE_NAME]


def test_where_none_may_be_made_its_absence_is_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(NoSecretKey, match="ANNALS_SECRET_KEY"):
        load_secret_key((), tmp_path, make=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", [b"", b"short", b"\xff" * 64])
def test_a_damaged_key_file_is_refused_and_never_taken_for_a_key(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(damage)
    with pytest.raises(DataDirectoryUnusable):
        load_secret_key((), tmp_path)


def test_a_configured_key_leaves_the_data_directory_alone(tmp_path: Path) -> None:
    load_secret_key(("configured",), tmp_path)
    assert not list(tmp_path.iterdir())


def test_nodes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        hashes = {key.hashes("x") for key in pool.map(lambda _: load_secret_key((), tmp_path), range(64))}
    assert len(hashes) == 1


def test_a_fingerprint_tells_requests_apart_and_is_worth_nothing_without_the_key() -> None:
    ours, other = SecretKey(["pepper of ours"]), SecretKey(["pepper of others"])
    assert ours.fingerprint(b"request") == ours.fingerprint(b"request")
    assert ours.fingerprint(b"request") != ours.fingerprint(b"another")
    assert ours.fingerprint(b"request") != other.fingerprint(b"request")
