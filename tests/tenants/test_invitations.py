"""Invitations: made, mailed, accepted by whom they are for, and by nobody else."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.utils import timezone

from tenants.domain import invitations
from tenants.domain.invitation_mails import mail_invitations, tenants_with_due_invitations
from tenants.domain.invitations import (
    LIFETIME,
    accept_invitation,
    find_invitation,
    invite_person,
    resend_invitation,
    revoke_invitation,
)
from tenants.domain.members import list_members
from tenants.domain.roles import Role
from tenants.domain.tenants import hide_tenant
from tenants.errors import Conflict, InvitationRejected, OwnerNeeded
from tenants.models import AuditEvent, Invitation, Tenant
from tenants.scope import tenant_scope
from tests.tenants.mail_server import MailServer, open_mail_server
from tests.tenants.people import make_member, make_person
from tests.tenants.rows import make_tenant

EMAIL = "ann@shop.example"


@pytest.fixture
def acme(db: None) -> Tenant:
    return make_tenant("acme")


def invite(tenant: Tenant, email: str = EMAIL, role: str = Role.EDITOR) -> Invitation:
    return invite_person(tenant=tenant, email=email, role=role, giver=Role.OWNER)


def send_mails(tenant: Tenant) -> list[str]:
    """The tokens that were mailed now."""
    before = len(mail.outbox)
    with tenant_scope(tenant.pk):
        mail_invitations()
    return [read_token(str(sent.body)) for sent in mail.outbox[before:]]


def read_token(text: str) -> str:
    link = f"{re.escape(settings.PUBLIC_URL)}/invitations/([A-Za-z0-9_-]{{43}})"
    (token,) = re.findall(f"^{link}$", text, re.MULTILINE)
    return str(token)


def set_fields(invitation: Invitation, **fields: object) -> None:
    with tenant_scope(invitation.tenant_id):
        Invitation.objects.filter(pk=invitation.pk).update(**fields)


def reload(invitation: Invitation) -> Invitation:
    return Invitation.across_tenants.get(pk=invitation.pk)


@pytest.fixture
def mail_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """The server that mails go through."""
    with open_mail_server() as server:
        said = {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "HOST": "127.0.0.1"}
        for name, value in {**said, "PORT": server.port, "USE_TLS": False}.items():
            monkeypatch.setattr(settings, f"EMAIL_{name}", value)
        yield server


def test_invited_person_joins_by_the_link_once(acme: Tenant) -> None:
    invitation = invite(acme, " Ann@Shop.EXAMPLE ")
    (token,) = send_mails(acme)
    assert mail.outbox[0].to == [EMAIL]
    assert find_invitation(token=token) == invitation
    person = make_person()
    person.email = "ANN@shop.example"
    member = accept_invitation(token=token, user=person)
    assert (member.role, member.tenant_id, member.user_id) == (Role.EDITOR, acme.pk, person.pk)
    with pytest.raises(InvitationRejected, match="used already"):
        accept_invitation(token=token, user=person)
    with tenant_scope(acme.pk):
        actions = list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))
        assert list_members().get() == member
    assert actions == ["invitation.created", "member.joined"]


def test_token_stands_in_the_mail_alone(acme: Tenant) -> None:
    invitation = invite(acme)
    (token,) = send_mails(acme)
    with tenant_scope(acme.pk):
        rows = [Invitation.objects.values().get(), *AuditEvent.objects.values()]
    assert token not in repr(rows)
    assert len({token, invitation.token_hash, reload(invitation).token_hash}) == 3
    for wrong in ("", token[:-1], token.swapcase(), reload(invitation).token_hash, invitation.token_hash):
        with pytest.raises(InvitationRejected, match="not known"):
            find_invitation(token=wrong)


def test_link_that_was_handed_on_lets_nobody_else_in(acme: Tenant) -> None:
    invite(acme)
    (token,) = send_mails(acme)
    with pytest.raises(InvitationRejected) as refused:
        accept_invitation(token=token, user=make_person("bob"))
    assert refused.value.code == "invitation_elsewhere"
    with tenant_scope(acme.pk):
        assert not list_members().exists()


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (lambda row: revoke_invitation(invitation=row, giver=Role.ADMIN), "taken back"),
        (lambda row: set_fields(row, expires_at=timezone.now()), "expired"),
        (lambda row: hide_tenant(tenant=row.tenant), "closed"),
    ],
    ids=["revoked", "expired", "shop closed"],
)
def test_invitation_that_has_ended_lets_nobody_in(
    acme: Tenant, end: Callable[[Invitation], None], said: str
) -> None:
    invitation = invite(acme)
    (token,) = send_mails(acme)
    end(invitation)
    person = make_person()
    person.email = EMAIL
    with pytest.raises(InvitationRejected, match=said):
        accept_invitation(token=token, user=person)
    with tenant_scope(acme.pk):
        assert not list_members().exists()


def test_invitation_changes_no_members_role(acme: Tenant) -> None:
    invite(acme, role=Role.OWNER)
    (token,) = send_mails(acme)
    person = make_person()
    person.email = EMAIL
    member = make_member(acme, Role.VIEWER, person)
    assert accept_invitation(token=token, user=person) == member
    with tenant_scope(acme.pk):
        assert list_members().get().role == Role.VIEWER


def test_member_and_invited_person_are_not_invited_again(acme: Tenant) -> None:
    member = make_member(acme, Role.VIEWER)
    first = invite(acme)
    for email, code in ((member.user.email.upper(), "already_member"), (EMAIL.upper(), "already_invited")):
        with pytest.raises(Conflict) as refused:
            invite(acme, email)
        assert refused.value.code == code
    invite(make_tenant("globex"))
    set_fields(first, expires_at=timezone.now())
    invite(acme)


def test_open_invitations_are_bounded(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MAX_PENDING", 1)
    first = invite(acme)
    with pytest.raises(Conflict) as refused:
        invite(acme, "bob@shop.example")
    assert refused.value.code == "too_many_invitations"
    revoke_invitation(invitation=first, giver=Role.ADMIN)
    invite(acme, "bob@shop.example")


def test_owners_are_invited_by_owners_alone(acme: Tenant) -> None:
    with pytest.raises(OwnerNeeded):
        invite_person(tenant=acme, email=EMAIL, role=Role.OWNER, giver=Role.ADMIN)
    made = invite(acme, role=Role.OWNER)
    with pytest.raises(OwnerNeeded):
        revoke_invitation(invitation=made, giver=Role.ADMIN)
    revoke_invitation(invitation=made, giver=Role.OWNER)


def test_resent_invitation_has_a_new_link_and_all_its_time(acme: Tenant) -> None:
    invitation = invite(acme)
    (first,) = send_mails(acme)
    with pytest.raises(Conflict) as refused:
        resend_invitation(invitation=invitation)
    assert refused.value.code == "invitation_just_sent"
    early = timezone.now() - timedelta(days=8)
    set_fields(invitation, mailed_at=early, expires_at=early + LIFETIME)
    assert resend_invitation(invitation=invitation).state == Invitation.State.PENDING
    (second,) = send_mails(acme)
    with pytest.raises(InvitationRejected):
        find_invitation(token=first)
    assert find_invitation(token=second).expires_at > timezone.now() + LIFETIME - timedelta(minutes=1)


def test_ended_invitation_is_neither_resent_nor_revoked(acme: Tenant) -> None:
    invitation = invite(acme)
    revoke_invitation(invitation=invitation, giver=Role.ADMIN)
    for change in (
        lambda: resend_invitation(invitation=invitation),
        lambda: revoke_invitation(invitation=invitation, giver=Role.ADMIN),
    ):
        with pytest.raises(Conflict, match="revoked already"):
            change()
    assert send_mails(acme) == []


def test_mail_is_sent_once(acme: Tenant) -> None:
    invite(acme)
    assert acme.pk in tenants_with_due_invitations()
    assert len(send_mails(acme)) == 1
    assert acme.pk not in tenants_with_due_invitations()
    assert send_mails(acme) == []


def test_mail_server_that_is_away_loses_no_invitation(
    acme: Tenant, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    invitation = invite(acme)
    monkeypatch.setattr(settings, "EMAIL_PORT", 9)  # where nothing listens
    send_mails(acme)
    waiting = reload(invitation)
    assert waiting.mail_due_at is not None
    assert timedelta() < waiting.mail_due_at - timezone.now() <= timedelta(minutes=1)
    assert (waiting.mailed_at, waiting.mail_failure) == (
        None,
        "The mail server is away. The mail is tried again.",
    )
    monkeypatch.setattr(settings, "EMAIL_PORT", mail_server.port)
    send_mails(acme)
    assert mail_server.taken == []
    set_fields(invitation, mail_due_at=timezone.now())
    send_mails(acme)
    (taken,) = mail_server.taken
    mailed = find_invitation(token=read_token(taken.replace("\r\n", "\n")))
    assert (mailed, mailed.mail_failure, mailed.mail_due_at) == (invitation, "", None)


def test_mail_is_tried_less_and_less_often_but_hourly(acme: Tenant, mail_server: MailServer) -> None:
    mail_server.to_recipient = "451 try again later"
    invitation = invite(acme)
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
        set_fields(invitation, mail_due_at=timezone.now())
        send_mails(acme)
        due = reload(invitation).mail_due_at
        assert due is not None
        assert abs(due - timezone.now() - timedelta(minutes=minutes)) < timedelta(seconds=20)


@pytest.mark.parametrize(("code", "tried_again"), [(450, True), (550, False)])
def test_address_that_is_refused_for_good_is_not_tried_again(
    acme: Tenant, mail_server: MailServer, code: int, *, tried_again: bool
) -> None:
    mail_server.to_recipient = f"{code} no such mailbox"
    invitation = invite(acme)
    send_mails(acme)
    refused = reload(invitation)
    assert (refused.mail_due_at is not None) == tried_again
    assert refused.mail_failure == f"The mail server refused the address: {code} no such mailbox"
    assert mail_server.taken == []


def test_worker_that_dies_while_it_sends_leaves_the_mail_to_another(acme: Tenant) -> None:
    invitation = invite(acme)
    with tenant_scope(acme.pk):
        set_fields(invitation, mail_due_at=timezone.now() + timedelta(minutes=5), mail_attempts=1)
    assert send_mails(acme) == []
    set_fields(invitation, mail_due_at=timezone.now())
    assert len(send_mails(acme)) == 1


def test_name_of_a_shop_cannot_write_headers(acme: Tenant) -> None:
    with tenant_scope(acme.pk):
        Tenant.objects.filter(pk=acme.pk).update(name="A & B\r\nBcc: all@shop.example")
    invite(acme)
    assert len(send_mails(acme)) == 1
    assert mail.outbox[0].subject == "Join A & B Bcc: all@shop.example on Vitrine"
    assert mail.outbox[0].recipients() == [EMAIL]
    assert "join A & B Bcc" in str(mail.outbox[0].body)
