"""Members and invitations through the API, in this process."""

import pytest
from rest_framework.test import APIClient

from tenants.domain.keys import issue_key
from tenants.domain.roles import Role
from tenants.models import Invitation, Tenant
from tenants.models.api_key import Scope
from tests.tenants.people import make_member
from tests.tenants.rows import make_tenant


@pytest.fixture
def tenant(db: None) -> Tenant:
    return make_tenant("acme")


@pytest.fixture
def admin(tenant: Tenant) -> APIClient:
    key = issue_key(tenant=tenant, name="admin", scopes=[Scope.ADMIN]).plaintext
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")


def test_members_are_listed_changed_and_removed(admin: APIClient, tenant: Tenant) -> None:
    make_member(make_tenant("globex"), Role.OWNER)
    member = make_member(tenant, Role.VIEWER)
    path = f"/v1/members/{member.pk}"
    assert [row["id"] for row in admin.get("/v1/members").json()["results"]] == [str(member.pk)]
    assert admin.patch(path, {"role": "editor"}).json()["role"] == "editor"
    assert admin.get(path).json()["email"] == member.user.email
    assert admin.patch(path, {"role": "root"}).json()["code"] == "invalid_request"
    assert admin.delete(path).status_code == 204
    assert admin.get(path).json()["code"] == "member_not_found"


def test_key_makes_changes_and_removes_no_owner(admin: APIClient, tenant: Tenant) -> None:
    owner, viewer = make_member(tenant, Role.OWNER), make_member(tenant, Role.VIEWER)
    answers = [
        admin.patch(f"/v1/members/{owner.pk}", {"role": "viewer"}),
        admin.patch(f"/v1/members/{viewer.pk}", {"role": "owner"}),
        admin.delete(f"/v1/members/{owner.pk}"),
        admin.post("/v1/invitations", {"email": "ann@shop.example", "role": "owner"}),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "owner_needed")}


def test_invitation_is_made_listed_and_revoked(admin: APIClient, tenant: Tenant) -> None:
    made = admin.post("/v1/invitations", {"email": "Ann@Shop.example", "role": "editor"})
    assert made.status_code == 201, made.content
    path = made.headers["Location"]
    shown = admin.get(path).json()
    assert shown == made.json()
    assert (shown["email"], shown["state"], shown["invited_by"]) == ("ann@shop.example", "pending", None)
    assert admin.post(f"{path}/resend").status_code == 202
    assert admin.delete(path).status_code == 204
    assert [row["state"] for row in admin.get("/v1/invitations").json()["results"]] == ["revoked"]
    assert admin.post(f"{path}/resend").json()["code"] == "invitation_ended"
    kept = Invitation.across_tenants.get(tenant=tenant).token_hash
    assert kept not in admin.get("/v1/invitations").content.decode()


@pytest.mark.parametrize("email", ["", "ann", "a@b@c.example", "a\nb@c.example", "x" * 250 + "@c.example"])
def test_address_that_cannot_be_is_refused(admin: APIClient, email: str) -> None:
    response = admin.post("/v1/invitations", {"email": email, "role": "editor"})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
