import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from tenants.domain.sealing import SealBroken, seal, unseal


@given(st.binary(max_size=200), st.text(max_size=50))
def test_sealed_bytes_are_read_with_their_phrase_alone(data: bytes, phrase: str) -> None:
    sealed = seal(data, phrase=phrase)
    assert unseal(sealed, phrase=phrase) == data
    with pytest.raises(SealBroken):
        unseal(sealed, phrase=f"{phrase}?")


def test_same_bytes_are_sealed_differently_each_time_and_hidden() -> None:
    first, second = seal(b"vtr_secret", phrase="p"), seal(b"vtr_secret", phrase="p")
    assert first != second
    assert b"secret" not in first


def test_changed_bytes_are_refused() -> None:
    sealed = bytearray(seal(b"answer", phrase="p"))
    sealed[-1] ^= 1
    with pytest.raises(SealBroken):
        unseal(bytes(sealed), phrase="p")


def test_secret_key_before_the_last_change_still_reads(settings: Settings) -> None:
    settings.SECRET_KEY = "before"
    sealed = seal(b"answer", phrase="p")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "after", ["before"]
    assert unseal(sealed, phrase="p") == b"answer"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(SealBroken):
        unseal(sealed, phrase="p")
