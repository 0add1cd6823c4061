"""Two at once: what must be left of owners, keys and invitations is left. Rows are committed here."""

from collections.abc import Iterator
from functools import partial

import pytest
from pytest_django import DjangoDbBlocker

from tenants.domain import keys
from tenants.domain.invitations import accept_invitation, draw_token, hash_token, invite_person
from tenants.domain.keys import issue_key, list_keys, revoke_key, rotate_key
from tenants.domain.members import change_role, list_members, remove_member
from tenants.domain.roles import Role
from tenants.models import Invitation, Membership, Tenant
from tenants.models.api_key import Scope
from tenants.scope import tenant_scope
from tests.tenants.people import make_member, make_person, race
from tests.tenants.rows import make_tenant


@pytest.fixture
def acme(service_environment: dict[str, str], django_db_blocker: DjangoDbBlocker) -> Iterator[Tenant]:
    with django_db_blocker.unblock():
        yield make_tenant("acme")


def test_of_two_owners_who_leave_at_once_one_stays(acme: Tenant) -> None:
    for _ in range(3):
        owners = make_member(acme, Role.OWNER), make_member(acme, Role.OWNER)
        works = (
            partial(remove_member, member=owners[0], giver=Role.OWNER),
            partial(change_role, member=owners[1], role=Role.VIEWER, giver=Role.OWNER),
        )
        assert race(*works) == ["last_owner"]
        with tenant_scope(acme.pk):
            assert list_members().filter(role=Role.OWNER).count() == 1
            Membership.objects.all().delete()


def test_of_two_admin_keys_revoked_at_once_one_stays(acme: Tenant) -> None:
    made = [issue_key(tenant=acme, name="till", scopes=[Scope.ADMIN]).key for _ in range(2)]
    assert race(*(partial(revoke_key, key=key) for key in made)) == ["last_admin_key"]
    with tenant_scope(acme.pk):
        assert list_keys(live=True).count() == 1


def test_key_rotated_twice_at_once_has_one_successor(acme: Tenant) -> None:
    key = issue_key(tenant=acme, name="till", scopes=[Scope.JOBS]).key
    assert race(*[lambda: rotate_key(key=key)] * 3) == ["key_rotated"] * 2
    with tenant_scope(acme.pk):
        assert list_keys().count() == 2


def test_bound_of_keys_holds_at_once(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MAX_LIVE_KEYS", 2)
    issue = partial(issue_key, tenant=acme, name="till", scopes=[Scope.JOBS])
    assert race(*[issue] * 4) == ["too_many_keys"] * 2


def test_person_is_invited_once_and_joins_once(acme: Tenant) -> None:
    person = make_person()
    invite = partial(invite_person, tenant=acme, email=person.email, role=Role.EDITOR, giver=Role.ADMIN)
    assert race(*[invite] * 3) == ["already_invited"] * 2
    token = draw_token()
    with tenant_scope(acme.pk):
        Invitation.objects.update(token_hash=hash_token(token), mail_due_at=None)
    assert race(*[lambda: accept_invitation(token=token, user=person)] * 3) == ["invitation_rejected"] * 2
    with tenant_scope(acme.pk):
        assert list_members().get().role == Role.EDITOR
