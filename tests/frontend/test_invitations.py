"""From the link in a mail to a seat in a shop."""

from dataclasses import dataclass

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from django.test import Client

from tenants.domain.invitations import draw_token, hash_token, invite_person, revoke_invitation
from tenants.domain.roles import Role
from tenants.models import AuditEvent, Invitation, Membership
from tenants.scope import tenant_scope
from tests.frontend.conftest import PASSWORD, People, sign_in

GOOD = {"new_password1": PASSWORD, "new_password2": PASSWORD}


@dataclass(frozen=True)
class Link:
    path: str
    invitation: Invitation


def invite(people: People, email: str, role: Role = Role.EDITOR) -> Link:
    invitation = invite_person(tenant=people.acme.tenant, email=email, role=role, giver=Role.OWNER)
    token = draw_token()
    with tenant_scope(people.acme.tenant_id):
        Invitation.objects.filter(pk=invitation.pk).update(token_hash=hash_token(token))
    return Link(f"/invitations/{token}", invitation)


def roles_of(email: str) -> list[tuple[str, str]]:
    members = Membership.across_tenants.filter(user__email=email)
    return [(member.tenant.name, member.role) for member in members.select_related("tenant")]


@pytest.fixture
def nina(people: People) -> Link:
    """Nina has no account yet."""
    return invite(people, "nina@acme.example")


def test_new_person_chooses_a_password_and_is_in(nina: Link) -> None:
    browser = Client()
    page = browser.get(nina.path).content.decode()
    assert "Join acme" in page
    assert "nina@acme.example" in page
    answer = browser.post(nina.path, GOOD)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert "Acme shelf" in browser.get("/").content.decode()
    assert roles_of("nina@acme.example") == [("acme", "editor")]
    assert EmailAddress.objects.get(email="nina@acme.example").verified
    assert sign_in("nina@acme.example").get("/").status_code == 200


def test_joining_is_in_the_audit_log_under_the_persons_name(people: People, nina: Link) -> None:
    Client(REMOTE_ADDR="192.0.2.7").post(nina.path, GOOD)
    with tenant_scope(people.acme.tenant_id):
        event = AuditEvent.objects.get(action="member.joined")
    user = User.objects.get(email="nina@acme.example")
    assert (event.actor, event.actor_id, event.actor_name) == ("user", str(user.pk), user.email)
    assert event.address == "192.0.2.7"


def test_looking_at_the_link_accepts_nothing(nina: Link) -> None:
    for _ in range(3):
        assert Client().get(nina.path).status_code == 200
    assert roles_of("nina@acme.example") == []
    assert not User.objects.filter(email="nina@acme.example").exists()


@pytest.mark.parametrize("password", ["short", "password1234567"[:11], "nina@acme.example", "123456789012"])
def test_weak_password_is_refused_and_makes_no_account(nina: Link, password: str) -> None:
    answer = Client().post(nina.path, {"new_password1": password, "new_password2": password})
    assert answer.status_code == 422
    assert 'class="errorlist"' in answer.content.decode()
    assert not User.objects.filter(email="nina@acme.example").exists()


def test_link_works_once(nina: Link) -> None:
    assert Client().post(nina.path, GOOD).status_code == 302
    for answer in (Client().get(nina.path), Client().post(nina.path, GOOD)):
        assert answer.status_code == 404
        assert "used already" in answer.content.decode()


def test_link_that_was_revoked_expired_or_invented_opens_nothing(people: People, nina: Link) -> None:
    revoke_invitation(invitation=nina.invitation, giver=Role.OWNER)
    for path, said in ((nina.path, "taken back"), ("/invitations/invented", "not known")):
        answer = Client().post(path, GOOD)
        assert answer.status_code == 404
        assert said in answer.content.decode()
    assert not User.objects.filter(email="nina@acme.example").exists()


def test_person_with_an_account_signs_in_and_joins(people: People) -> None:
    link = invite(people, "gus@globex.example", Role.VIEWER)
    stranger = Client()
    page = stranger.get(link.path).content.decode()
    assert f"/account/login/?next={link.path}" in page
    assert "new_password1" not in page
    assert stranger.post(link.path, GOOD).status_code == 409
    assert people.gus.browser.post(link.path)["Location"] == "/"
    assert roles_of("gus@globex.example") == [("globex", "owner"), ("acme", "viewer")]
    page = people.gus.browser.get("/").content.decode()
    assert "Acme shelf" in page
    assert "Globex shelf" not in page


def test_link_that_was_handed_on_lets_nobody_else_in(people: People, nina: Link) -> None:
    page = people.gus.browser.get(nina.path).content.decode()
    assert "You are signed in as gus@globex.example" in page
    assert people.gus.browser.post(nina.path).status_code == 409
    assert roles_of("gus@globex.example") == [("globex", "owner")]


def test_address_that_is_only_claimed_does_not_let_in(people: People) -> None:
    """Gus writes Vera's colleague's address into his account, and has not shown that it is his."""
    link = invite(people, "nina@acme.example")
    EmailAddress.objects.create(user=people.gus.user, email="nina@acme.example", verified=False)
    User.objects.filter(pk=people.gus.user.pk).update(email="nina@acme.example")
    assert people.gus.browser.post(link.path).status_code == 409
    assert roles_of("nina@acme.example") == [("globex", "owner")]


def test_page_of_the_link_is_kept_nowhere(nina: Link) -> None:
    answer = Client().get(nina.path)
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "same-origin"
