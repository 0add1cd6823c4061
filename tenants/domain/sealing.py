"""Bytes that lie in the database and that whoever reads the database alone cannot read."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_NONCE = 12


class SealBroken(Exception):
    """The bytes were sealed with another phrase, or under a SECRET_KEY that is not known any more."""


def seal(data: bytes, *, phrase: str) -> bytes:
    """Encrypt with AES-256-GCM; the key comes of SECRET_KEY and the phrase, which is not to be stored."""
    nonce = os.urandom(_NONCE)
    return nonce + _make_cipher(settings.SECRET_KEY, phrase).encrypt(nonce, data, None)


def unseal(sealed: bytes, *, phrase: str) -> bytes:
    """What was sealed, under the SECRET_KEY of now or one of SECRET_KEY_FALLBACKS. Raises `SealBroken`."""
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            return _make_cipher(secret, phrase).decrypt(sealed[:_NONCE], sealed[_NONCE:], None)
        except InvalidTag:
            continue
    raise SealBroken


def _make_cipher(secret: str, phrase: str) -> AESGCM:
    """HKDF (RFC 5869) rather than a slow hash: SECRET_KEY is random, so there is nothing to guess."""
    info = b"vitrine sealing " + phrase.encode()
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret.encode()))
