"""Keys as a shop looks after them: listed, renamed, rotated, revoked, and how many there may be."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tenants.domain import keys
from tenants.domain.keys import (
    MAX_OVERLAP,
    OVERLAP,
    IssuedKey,
    authenticate_key,
    issue_key,
    list_keys,
    rename_key,
    revoke_key,
    rotate_key,
)
from tenants.domain.roles import Role
from tenants.errors import Conflict, KeyRejected, NotFound
from tenants.models import ApiKey, AuditEvent, Tenant
from tenants.models.api_key import Scope
from tenants.scope import tenant_scope
from tests.tenants.people import make_member
from tests.tenants.rows import make_tenant

SECOND = timedelta(seconds=1)


@pytest.fixture
def acme(db: None) -> Tenant:
    return make_tenant("acme")


def issue(tenant: Tenant, *scopes: Scope, days: int | None = None) -> IssuedKey:
    expires_at = None if days is None else timezone.now() + timedelta(days=days)
    return issue_key(tenant=tenant, name="till", scopes=scopes or (Scope.RECOGNIZE,), expires_at=expires_at)


def reload_key(issued: IssuedKey) -> ApiKey:
    return ApiKey.across_tenants.get(pk=issued.key.pk)


def expire(issued: IssuedKey) -> None:
    with tenant_scope(issued.key.tenant_id):
        ApiKey.objects.filter(pk=issued.key.pk).update(expires_at=timezone.now())


def test_rotation_leaves_both_keys_live_until_the_overlap_ends(acme: Tenant) -> None:
    old = issue(acme, Scope.RECOGNIZE, Scope.JOBS)
    new = rotate_key(key=old.key)
    for issued in (old, new):
        assert authenticate_key(plaintext=issued.plaintext).scopes == ["recognize", "jobs"]
    assert (new.key.name, new.key.expires_at) == ("till", None)
    ends = reload_key(old).expires_at
    assert ends is not None
    assert abs(ends - timezone.now() - OVERLAP) < 10 * SECOND
    expire(old)
    with pytest.raises(KeyRejected, match="expired"):
        authenticate_key(plaintext=old.plaintext)
    authenticate_key(plaintext=new.plaintext)


def test_rotation_without_overlap_revokes_the_old_key_at_once(acme: Tenant) -> None:
    old = issue(acme)
    new = rotate_key(key=old.key, overlap=timedelta())
    with pytest.raises(KeyRejected, match="revoked"):
        authenticate_key(plaintext=old.plaintext)
    authenticate_key(plaintext=new.plaintext)


def test_rotation_gives_the_new_key_the_life_of_the_old_one_and_the_old_one_none_longer(acme: Tenant) -> None:
    old = issue(acme, days=10)
    with tenant_scope(acme.pk):
        began = timezone.now() - timedelta(days=9)
        ApiKey.objects.filter(pk=old.key.pk).update(created_at=began, expires_at=began + timedelta(days=10))
    new = rotate_key(key=old.key, overlap=MAX_OVERLAP)
    assert new.key.expires_at is not None
    assert abs(new.key.expires_at - timezone.now() - timedelta(days=10)) < 10 * SECOND
    assert reload_key(old).expires_at == began + timedelta(days=10)


def test_key_that_was_rotated_or_has_ended_is_not_rotated(acme: Tenant) -> None:
    rotated, revoked, expired = issue(acme), issue(acme), issue(acme)
    rotate_key(key=rotated.key)
    revoke_key(key=revoked.key)
    expire(expired)
    for issued, code in ((rotated, "key_rotated"), (revoked, "key_ended"), (expired, "key_ended")):
        with pytest.raises(Conflict) as refused:
            rotate_key(key=issued.key)
        assert refused.value.code == code


def test_list_tells_the_live_from_the_ended(acme: Tenant) -> None:
    live, revoked, expired = issue(acme), issue(acme), issue(acme)
    issue(make_tenant("globex"))
    revoke_key(key=revoked.key)
    expire(expired)
    with tenant_scope(acme.pk):
        assert set(list_keys(live=True)) == {live.key}
        assert set(list_keys(live=False)) == {revoked.key, expired.key}
        assert list_keys().count() == 3
        states = {key.pk: key.state for key in list_keys()}
    assert states == {live.key.pk: "live", revoked.key.pk: "revoked", expired.key.pk: "expired"}


def test_rename_changes_the_name_alone(acme: Tenant) -> None:
    issued = issue(acme)
    assert rename_key(key=issued.key, name="till 7").name == "till 7"
    assert authenticate_key(plaintext=issued.plaintext).scopes == ["recognize"]


def test_no_more_keys_than_the_bound_are_live(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MAX_LIVE_KEYS", 2)
    first, _ = issue(acme), issue(acme)
    with pytest.raises(Conflict) as refused:
        issue(acme)
    assert refused.value.code == "too_many_keys"
    with pytest.raises(Conflict) as refused:
        rotate_key(key=first.key)
    assert refused.value.code == "too_many_keys"
    assert reload_key(first).rotated_at is None
    rotate_key(key=first.key, overlap=timedelta())
    with pytest.raises(Conflict):
        issue(acme)
    issue(make_tenant("globex"))


def test_last_admin_key_of_a_shop_without_owner_stays(acme: Tenant) -> None:
    till, first, second = issue(acme), issue(acme, Scope.ADMIN), issue(acme, Scope.ADMIN)
    revoke_key(key=first.key)
    expire(issue(acme, Scope.ADMIN))
    issue(make_tenant("globex"), Scope.ADMIN)
    with pytest.raises(Conflict) as refused:
        revoke_key(key=second.key)
    assert refused.value.code == "last_admin_key"
    revoke_key(key=till.key)
    successor = rotate_key(key=second.key)
    with pytest.raises(Conflict, match="last API key"):
        revoke_key(key=successor.key)
    revoke_key(key=second.key)
    revoke_key(key=successor.key, even_last=True)


def test_owner_who_can_sign_in_makes_the_last_admin_key_free_to_go(acme: Tenant) -> None:
    key = issue(acme, Scope.ADMIN).key
    make_member(acme, Role.ADMIN)
    owner = make_member(acme, Role.OWNER).user
    type(owner).objects.filter(pk=owner.pk).update(is_active=False)
    with pytest.raises(Conflict):
        revoke_key(key=key)
    type(owner).objects.filter(pk=owner.pk).update(is_active=True)
    revoke_key(key=key)


def test_key_of_another_shop_does_not_exist(acme: Tenant) -> None:
    stray = issue(acme).key
    stray.tenant = make_tenant("globex")
    for change in (
        lambda: rename_key(key=stray, name="taken"),
        lambda: rotate_key(key=stray),
        lambda: revoke_key(key=stray),
    ):
        with pytest.raises(NotFound):
            change()
    assert ApiKey.across_tenants.get(pk=stray.pk).revoked_at is None


def test_log_tells_of_each_change_without_the_secret(acme: Tenant) -> None:
    old = issue(acme)
    rename_key(key=old.key, name="till 7")
    new = rotate_key(key=old.key)
    revoke_key(key=old.key)
    with tenant_scope(acme.pk):
        events = list(AuditEvent.objects.filter(action__startswith="key.").order_by("pk"))
    told = [event.action for event in events]
    assert told == ["key.issued", "key.renamed", "key.rotated", "key.issued", "key.revoked"]
    assert (events[1].before, events[1].after) == ({"name": "till"}, {"name": "till 7"})
    for issued in (old, new):
        secret, kept = issued.plaintext.rpartition("_")[2], issued.key.secret_hash
        assert not [event for event in events if secret in str(event.after) or kept in str(event.after)]
