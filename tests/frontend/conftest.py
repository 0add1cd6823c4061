"""Three people: Alice owns Acme, Vera only looks at it, Gus owns Globex."""

import uuid
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from frontend.people import draft_person, store_person
from tenants.models import Gallery, Membership, Tenant
from tenants.scope import tenant_scope
from tests.tenants.rows import make_gallery, make_tenant

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Person:
    """Somebody with an account, and their browser."""

    user: User
    browser: Client


@dataclass(frozen=True)
class People:
    """Who there is, and what their shops hold."""

    alice: Person
    vera: Person
    gus: Person
    acme: Gallery
    globex: Gallery


def make_person(email: str) -> User:
    """An account with `PASSWORD`."""
    user = draft_person(email)
    user.set_password(PASSWORD)
    store_person(user)
    return user


def join(user: User, tenant: Tenant, role: Membership.Role) -> None:
    with tenant_scope(tenant.pk):
        Membership.objects.create(tenant=tenant, user=user, role=role)


def sign_in(email: str) -> Client:
    """A browser in which this person has signed in by the form."""
    browser = Client(headers={"Accept": "text/html"})
    answer = browser.post("/account/login/", {"login": email, "password": PASSWORD})
    assert answer.status_code == 302, answer.content.decode()
    return browser


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    """Argon2 is slow on purpose; `test_passwords` looks at the real one."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def own_cache(settings: Settings) -> None:
    """A part of the cache for each test: what one of them tries is not counted for another."""
    settings.CACHES = {"default": {**settings.CACHES["default"], "KEY_PREFIX": uuid.uuid4().hex}}
    assert cache.get("anything") is None


@pytest.fixture
def people(db: None) -> People:
    acme, globex = (
        make_gallery(make_tenant("acme"), "Acme shelf"),
        make_gallery(make_tenant("globex"), "Globex shelf"),
    )
    roles = Membership.Role
    return People(
        alice=seat("alice@acme.example", acme, roles.OWNER),
        vera=seat("vera@acme.example", acme, roles.VIEWER),
        gus=seat("gus@globex.example", globex, roles.OWNER),
        acme=acme,
        globex=globex,
    )


def seat(email: str, gallery: Gallery, role: Membership.Role) -> Person:
    """Somebody who is in the gallery's shop, and has signed in."""
    user = make_person(email)
    join(user, gallery.tenant, role)
    return Person(user, sign_in(email))
