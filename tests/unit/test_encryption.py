"""Encrypted variables: readable under any configured key, at their own place only."""

import base64

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from domain.rejection import InvalidInput
from infra.encryption import VariableCipher

OLD, NEW = bytes([1]) * 32, bytes([2]) * 32
HERE, THERE = "acme|2026-11-23/1|0|iban", "acme|2026-11-23/2|0|iban"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_what_was_encrypted_is_read_again_at_its_place(text: str) -> None:
    cipher = VariableCipher([NEW])
    assert cipher.decrypt(cipher.encrypt(text, HERE), HERE) == text


def test_the_stored_form_is_base64_of_nonce_and_ciphertext_that_any_aes_gcm_opens() -> None:
    raw = base64.b64decode(VariableCipher([NEW]).encrypt("DE02", HERE))
    assert AESGCM(NEW).decrypt(raw[:12], raw[12:], HERE.encode()) == b"DE02"


def test_two_encryptions_of_one_text_differ() -> None:
    cipher = VariableCipher([NEW])
    assert cipher.encrypt("same", HERE) != cipher.encrypt("same", HERE)


def test_a_ciphertext_moved_to_another_place_is_not_read() -> None:
    cipher = VariableCipher([NEW])
    with pytest.raises(InvalidInput, match="no configured encryption key opens it"):
        cipher.decrypt(cipher.encrypt("secret", HERE), THERE)


def test_a_rotated_key_still_reads_and_the_first_one_encrypts() -> None:
    before = VariableCipher([OLD]).encrypt("kept", HERE)
    rotated = VariableCipher([NEW, OLD])
    assert rotated.decrypt(before, HERE) == "kept"
    assert VariableCipher([NEW]).decrypt(rotated.encrypt("fresh", HERE), HERE) == "fresh"
    with pytest.raises(InvalidInput):
        VariableCipher([NEW]).decrypt(before, HERE)


def test_without_keys_both_ways_are_refused() -> None:
    for attempt in (VariableCipher([]).encrypt, VariableCipher([]).decrypt):
        with pytest.raises(InvalidInput, match="no encryption keys are configured"):
            attempt("text", HERE)


@pytest.mark.parametrize("damaged", ["", "AAAA", "not base64!", base64.b64encode(bytes(28)).decode()])
def test_what_is_not_a_ciphertext_is_refused_and_never_crashes(damaged: str) -> None:
    with pytest.raises(InvalidInput):
        VariableCipher([NEW]).decrypt(damaged, HERE)
