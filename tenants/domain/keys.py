"""API keys: `vtr_<prefix>_<secret>`, stored as a hash, shown once. Each call looks its key up anew."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from tenants.domain.audit import record_change
from tenants.domain.audited import describe_row
from tenants.domain.members import has_owner
from tenants.domain.tenants import lock_tenant
from tenants.errors import Conflict, KeyRejected, NotFound
from tenants.models import ApiKey, Tenant
from tenants.models.api_key import Scope
from tenants.scope import tenant_scope

_KEY = re.compile(r"vtr_([a-z0-9]{10})_([A-Za-z0-9]{40})")
_PREFIX_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_SECRET_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"  # noqa: S105 - an alphabet
_LAST_USED_STEP = timedelta(minutes=1)
# Of a shop's keys so many may be live at once.
MAX_LIVE_KEYS = 100
# For so long after a rotation the key before it lives on, unless another time is wished.
OVERLAP = timedelta(hours=24)
MAX_OVERLAP = timedelta(days=30)


@dataclass(frozen=True)
class IssuedKey:
    """A new key with its plaintext, which exists only here."""

    key: ApiKey
    plaintext: str = field(repr=False)


def list_keys(*, live: bool | None = None) -> QuerySet[ApiKey]:
    """The keys of the tenant that is set: those that are live, those that have ended, or all."""
    keys = ApiKey.objects.all()
    if live is None:
        return keys
    return keys.filter(_is_live()) if live else keys.exclude(_is_live())


def get_key(key_id: UUID) -> ApiKey:
    """A key of the tenant that is set. Raises `NotFound`."""
    key = list_keys().filter(pk=key_id).first()
    if key is None:
        raise NotFound("No such API key.", code="key_not_found")
    return key


def issue_key(
    *, tenant: Tenant, name: str, scopes: Iterable[Scope], expires_at: datetime | None = None
) -> IssuedKey:
    """Make a key for the tenant. The plaintext cannot be had again.

    Raises `Conflict` when the tenant has `MAX_LIVE_KEYS`.
    """
    with tenant_scope(tenant.pk), transaction.atomic():
        lock_tenant(tenant.pk)
        return _store_key(ApiKey(tenant=tenant, name=name, scopes=list(scopes), expires_at=expires_at))


def rename_key(*, key: ApiKey, name: str) -> ApiKey:
    """Give the key another name, also one that has ended."""
    with tenant_scope(key.tenant_id), transaction.atomic():
        locked = _lock_key(key)
        before = describe_row(locked)
        locked.name = name
        locked.save(update_fields=["name"])
        record_change(action="key.renamed", object_id=locked.pk, before=before, after=describe_row(locked))
    return locked


def rotate_key(*, key: ApiKey, overlap: timedelta = OVERLAP) -> IssuedKey:
    """A new key with the same name, scopes and length of life; the old one lives on for `overlap`.

    overlap: zero revokes the old key at once; it never lives longer than it would have. Raises `Conflict` for
    a key that has ended or was rotated before, and when the tenant has `MAX_LIVE_KEYS`.
    """
    now = timezone.now()
    with tenant_scope(key.tenant_id), transaction.atomic():
        lock_tenant(key.tenant_id)
        old = _lock_key(key)
        _check_rotatable(old)
        life = old.expires_at and old.expires_at - old.created_at
        _retire_key(old, now, overlap)
        new = ApiKey(tenant_id=old.tenant_id, name=old.name, scopes=old.scopes)
        new.expires_at = now + life if life else None
        return _store_key(new)


def revoke_key(*, key: ApiKey, even_last: bool = False) -> None:
    """End the key at once; ended before is fine.

    Raises `Conflict` for the last key with `admin` of a shop that has no owner: nobody could make another.
    even_last: for operators, who can.
    """
    with tenant_scope(key.tenant_id), transaction.atomic():
        lock_tenant(key.tenant_id)
        locked = _lock_key(key)
        if locked.revoked_at:
            return
        if not even_last:
            _check_admin_left(locked)
        before = describe_row(locked)
        locked.revoked_at = timezone.now()
        locked.save(update_fields=["revoked_at"])
        record_change(action="key.revoked", object_id=locked.pk, before=before, after=describe_row(locked))


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
    if key.state == ApiKey.State.EXPIRED:
        raise KeyRejected("The API key has expired. Use a newer one.", code="key_expired")
    _note_use(key)
    return key


def _note_use(key: ApiKey) -> None:
    """Keep `last_used_at` right to a minute, so that a busy key does not write a row at every request."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > _LAST_USED_STEP:
        with tenant_scope(key.tenant_id):
            ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


def _is_live() -> Q:
    return Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


def _lock_key(key: ApiKey) -> ApiKey:
    """The key as it is now, held until the transaction ends. Raises `NotFound`."""
    locked = list_keys().select_for_update(no_key=True).filter(pk=key.pk).first()
    if locked is None:
        raise NotFound("No such API key.", code="key_not_found")
    return locked


def _store_key(key: ApiKey) -> IssuedKey:
    """Draw the secret and store the new key, if there is room. To be called with the tenant locked."""
    if list_keys(live=True).count() >= MAX_LIVE_KEYS:
        raise Conflict(f"There are {MAX_LIVE_KEYS} live API keys. Revoke one first.", code="too_many_keys")
    key.prefix = _draw(_PREFIX_ALPHABET, 10)
    plaintext = f"vtr_{key.prefix}_{_draw(_SECRET_ALPHABET, 40)}"
    key.secret_hash = _hash_key(plaintext)
    key.save(force_insert=True)
    record_change(action="key.issued", object_id=key.pk, before=None, after=describe_row(key))
    return IssuedKey(key=key, plaintext=plaintext)


def _check_rotatable(key: ApiKey) -> None:
    if key.rotated_at:
        raise Conflict("The API key was rotated already. Rotate the one after it.", code="key_rotated")
    if key.state != ApiKey.State.LIVE:
        raise Conflict("The API key has ended. Make a new one.", code="key_ended")


def _retire_key(key: ApiKey, now: datetime, overlap: timedelta) -> None:
    before = describe_row(key)
    key.rotated_at = now
    if overlap:
        key.expires_at = min(now + overlap, key.expires_at or now + overlap)
    else:
        key.revoked_at = now
    key.save(update_fields=["rotated_at", "expires_at", "revoked_at"])
    record_change(action="key.rotated", object_id=key.pk, before=before, after=describe_row(key))


def _check_admin_left(key: ApiKey) -> None:
    """To be called with the tenant locked."""
    if Scope.ADMIN not in key.scopes or has_owner():
        return
    # A key that was rotated is on its way out, so it does not count.
    others = list_keys(live=True).filter(scopes__contains=[Scope.ADMIN], rotated_at=None).exclude(pk=key.pk)
    if not others.exists():
        raise Conflict(
            "This is the last API key with `admin`, and the shop has no owner. Make another such key first.",
            code="last_admin_key",
        )


def _hash_key(plaintext: str) -> str:
    """SHA-256 is enough: the secret has 230 random bits, so there is nothing to guess slowly."""
    return hashlib.sha256(plaintext.encode()).hexdigest()


def _draw(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))
