"""How the first people come in."""

from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from tenants.models import Invitation, Membership
from tests.frontend.conftest import PASSWORD
from tests.tenants.rows import make_tenant

GOOD = {"new_password1": PASSWORD, "new_password2": PASSWORD}


def run(command: str, *arguments: str) -> str:
    printed = StringIO()
    call_command(command, *arguments, stdout=printed)
    return printed.getvalue().strip()


def test_createowner_prints_a_link_that_makes_an_owner(db: None) -> None:
    tenant = make_tenant("acme")
    link = run("createowner", tenant.slug, "Alice@Acme.example")
    assert link.startswith(f"{settings.PUBLIC_URL}/invitations/")
    assert Client().post(urlsplit(link).path, GOOD).status_code == 302
    assert Membership.across_tenants.get(tenant=tenant).role == "owner"


def test_createowner_said_again_prints_another_link_and_ends_the_first(db: None) -> None:
    tenant = make_tenant("acme")
    first, second = (urlsplit(run("createowner", tenant.slug, "alice@acme.example")).path for _ in range(2))
    assert Client().get(first).status_code == 404
    assert Client().get(second).status_code == 200
    assert Invitation.across_tenants.get(tenant=tenant).mail_due_at is None


@pytest.mark.parametrize(
    ("tenant", "email", "said"), [("acme", "nobody", "no e-mail"), ("x", "a@b.c", "No tenant")]
)
def test_createowner_refuses_what_cannot_be(db: None, tenant: str, email: str, said: str) -> None:
    slug = make_tenant("acme").slug if tenant == "acme" else tenant
    with pytest.raises(CommandError, match=said):
        run("createowner", slug, email)


def test_createoperator_prints_a_link_to_set_the_password_once(db: None) -> None:
    path = urlsplit(run("createoperator", "Olga@platform.example")).path
    browser = Client()
    form = browser.get(path)["Location"]
    assert browser.post(form, {"password1": PASSWORD, "password2": PASSWORD}).status_code == 302
    answer = browser.post("/account/login/", {"login": "olga@platform.example", "password": PASSWORD})
    assert answer.status_code == 302
    olga = User.objects.get(email="olga@platform.example")
    assert (olga.is_staff, olga.is_superuser) == (True, True)
    assert "You are in no shop" in browser.get("/").content.decode()
    with pytest.raises(CommandError, match="has an account already"):
        run("createoperator", "olga@platform.example")
