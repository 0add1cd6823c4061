"""API keys: `vtr_<prefix>_<secret>`, stored as a hash, shown once."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from tenants.errors import KeyRejected
from tenants.models import ApiKey, Tenant
from tenants.models.api_key import Scope
from tenants.scope import tenant_scope

_KEY = re.compile(r"vtr_([a-z0-9]{10})_([A-Za-z0-9]{40})")
_PREFIX_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_SECRET_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"  # noqa: S105 - an alphabet
_LAST_USED_STEP = timedelta(minutes=1)


@dataclass(frozen=True)
class IssuedKey:
    """A new key with its plaintext, which exists only here."""

    key: ApiKey
    plaintext: str = field(repr=False)


def issue_key(
    *, tenant: Tenant, name: str, scopes: Iterable[Scope], expires_at: datetime | None = None
) -> IssuedKey:
    """Make a key for the tenant. The plaintext cannot be had again."""
    prefix = _draw(_PREFIX_ALPHABET, 10)
    plaintext = f"vtr_{prefix}_{_draw(_SECRET_ALPHABET, 40)}"
    with tenant_scope(tenant.id):
        key = ApiKey.objects.create(
            tenant=tenant,
            name=name,
            prefix=prefix,
            secret_hash=_hash_key(plaintext),
            scopes=list(scopes),
            expires_at=expires_at,
        )
    return IssuedKey(key=key, plaintext=plaintext)


def authenticate_key(*, plaintext: str) -> ApiKey:
    """The live key behind the plaintext. Raises `KeyRejected`; says nothing about which part was wrong."""
    match = _KEY.fullmatch(plaintext)
    key = match and ApiKey.across_tenants.select_related("tenant").filter(prefix=match[1]).first()
    if not key or not hmac.compare_digest(key.secret_hash, _hash_key(plaintext)):
        raise KeyRejected("The API key is not known. Check that it was copied whole.")
    if key.revoked_at:
        raise KeyRejected("The API key has been revoked. Use another one.", code="key_revoked")
    if key.tenant.deleted_at:
        raise KeyRejected("The shop of this API key is closed.", code="key_revoked")
    if key.expires_at and key.expires_at <= timezone.now():
        raise KeyRejected("The API key has expired. Use a newer one.", code="key_expired")
    _note_use(key)
    return key


def revoke_key(*, key: ApiKey) -> None:
    """End the key at once."""
    with tenant_scope(key.tenant_id):
        ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())


def _note_use(key: ApiKey) -> None:
    """Keep `last_used_at` right to a minute, so that a busy key does not write a row at every request."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > _LAST_USED_STEP:
        ApiKey.across_tenants.filter(pk=key.pk).update(last_used_at=now)


def _hash_key(plaintext: str) -> str:
    """SHA-256 is enough: the secret has 230 random bits, so there is nothing to guess slowly."""
    return hashlib.sha256(plaintext.encode()).hexdigest()


def _draw(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))
