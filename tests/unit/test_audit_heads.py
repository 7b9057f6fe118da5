"""Heads as texts, and as files keep them."""

from pathlib import Path

import pytest

from infra.audit.hashing import BEGIN, following, hash_behind
from infra.audit.heads import Head, NotAHead, head_in, keep, kept_heads


def test_a_head_is_read_as_it_is_written() -> None:
    head = Head(1042, bytes(range(32)))
    assert head_in(f" {head}\n") == head


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "5:abc",
        f"-1:{'0' * 64}",
        f"5:{'g' * 64}",
        f"5:{'0' * 65}",
        f"{'9' * 20}:{'0' * 64}",
        f"\u0665:{'0' * 64}",
    ],
)
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(NotAHead, match="is no head"):
        head_in(text)


def test_a_file_keeps_what_is_added_to_it(tmp_path: Path) -> None:
    path, heads = tmp_path / "heads", [Head(position, bytes([position]) * 32) for position in range(3)]
    assert kept_heads(path) == ()
    keep(path, heads[:1])
    keep(path, heads[1:])
    assert kept_heads(path) == heads
    path.write_bytes(b"\xff\n")
    with pytest.raises(NotAHead):
        kept_heads(path)


def test_a_file_that_somebody_has_written_without_an_end_of_line_is_added_to_on_a_line_of_its_own(
    tmp_path: Path,
) -> None:
    path, heads = tmp_path / "heads", [Head(position, bytes([position]) * 32) for position in range(2)]
    path.write_text(str(heads[0]))
    keep(path, heads[1:])
    assert kept_heads(path) == heads


def test_a_hash_goes_on_leaf_by_leaf() -> None:
    leaves = [bytes([number]) * 32 for number in range(3)]
    one_by_one = BEGIN
    for leaf in leaves:
        one_by_one = following(one_by_one, leaf)
    assert hash_behind(BEGIN, b"".join(leaves)) == one_by_one
    assert hash_behind(BEGIN, b"".join(reversed(leaves))) != one_by_one
