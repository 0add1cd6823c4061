"""People of a shop and their roles."""

import pytest
from django.contrib.auth.models import User

from tenants.domain.members import (
    change_role,
    get_member,
    has_owner,
    list_members,
    list_memberships,
    remove_member,
)
from tenants.domain.roles import Role
from tenants.domain.tenants import hide_tenant
from tenants.errors import Conflict, NotFound, OwnerNeeded
from tenants.models import AuditEvent, Tenant
from tenants.scope import tenant_scope
from tests.tenants.people import make_member, make_person
from tests.tenants.rows import make_tenant


@pytest.fixture
def acme(db: None) -> Tenant:
    return make_tenant("acme")


def test_role_is_changed_and_told(acme: Tenant) -> None:
    member = make_member(acme, Role.VIEWER)
    assert change_role(member=member, role=Role.EDITOR, giver=Role.ADMIN).role == Role.EDITOR
    remove_member(member=member, giver=Role.ADMIN)
    with tenant_scope(acme.pk):
        changed, removed = AuditEvent.objects.order_by("pk")
        assert not list_members().exists()
    assert (changed.action, changed.before, changed.after) == (
        "member.role_changed",
        {"role": "viewer"},
        {"role": "editor"},
    )
    assert (removed.action, removed.after) == ("member.removed", None)
    assert (removed.before or {})["email"] == member.user.email
    assert User.objects.filter(pk=member.user.pk).exists()


def test_last_owner_is_neither_demoted_nor_removed(acme: Tenant) -> None:
    owner = make_member(acme, Role.OWNER)
    make_member(make_tenant("globex"), Role.OWNER)
    gone = make_member(acme, Role.OWNER)
    User.objects.filter(pk=gone.user.pk).update(is_active=False)
    for change in (
        lambda: change_role(member=owner, role=Role.ADMIN, giver=Role.OWNER),
        lambda: remove_member(member=owner, giver=Role.OWNER),
    ):
        with pytest.raises(Conflict) as refused:
            change()
        assert refused.value.code == "last_owner"
    assert change_role(member=owner, role=Role.OWNER, giver=Role.OWNER).role == Role.OWNER
    second = make_member(acme, Role.OWNER)
    change_role(member=owner, role=Role.ADMIN, giver=Role.OWNER)
    with pytest.raises(Conflict):
        remove_member(member=second, giver=Role.OWNER)


def test_admin_deals_with_no_owner_and_makes_none(acme: Tenant) -> None:
    owner, editor = make_member(acme, Role.OWNER), make_member(acme, Role.EDITOR)
    make_member(acme, Role.OWNER)
    for change in (
        lambda: change_role(member=owner, role=Role.ADMIN, giver=Role.ADMIN),
        lambda: change_role(member=editor, role=Role.OWNER, giver=Role.ADMIN),
        lambda: remove_member(member=owner, giver=Role.ADMIN),
    ):
        with pytest.raises(OwnerNeeded):
            change()
    with tenant_scope(acme.pk):
        assert get_member(owner.pk).role == Role.OWNER
        assert get_member(editor.pk).role == Role.EDITOR


def test_member_of_another_shop_does_not_exist(acme: Tenant) -> None:
    stray = make_member(acme, Role.VIEWER)
    with tenant_scope(make_tenant("globex").pk), pytest.raises(NotFound):
        get_member(stray.pk)
    remove_member(member=stray, giver=Role.ADMIN)
    with pytest.raises(NotFound):
        change_role(member=stray, role=Role.EDITOR, giver=Role.ADMIN)


def test_person_has_a_role_in_each_open_shop_and_an_operator_none_by_that(acme: Tenant) -> None:
    globex, closed = make_tenant("globex"), make_tenant("closed")
    person, operator = make_person(), make_person("operator")
    User.objects.filter(pk=operator.pk).update(is_staff=True, is_superuser=True)
    for tenant, role in ((globex, Role.VIEWER), (acme, Role.EDITOR), (closed, Role.OWNER)):
        make_member(tenant, role, person)
    hide_tenant(tenant=closed)
    found = [(row.tenant.pk, row.role) for row in list_memberships(person)]
    assert found == [(acme.pk, "editor"), (globex.pk, "viewer")]
    assert not list_memberships(operator).exists()


def test_shop_has_an_owner_when_one_can_sign_in(acme: Tenant) -> None:
    make_member(make_tenant("globex"), Role.OWNER)
    make_member(acme, Role.ADMIN)
    with tenant_scope(acme.pk):
        assert not has_owner()
        make_member(acme, Role.OWNER)
        assert has_owner()
