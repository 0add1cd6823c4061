"""Who may see which page: Alice owns Acme, Vera only looks at it, Gus is of Globex."""

import uuid
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from config.urls import handler404
from config.urls import urlpatterns as all_patterns
from frontend.access import ShopView
from tenants.domain.audit import current_actor
from tenants.domain.tenants import hide_tenant
from tenants.models import AuditEvent, Membership
from tenants.queries.catalog import get_gallery
from tenants.scope import tenant_scope
from tests.frontend.conftest import People, Person, join
from tests.tenants.rows import make_gallery


class GalleryPage(ShopView):
    """A page as those of the console are."""

    def get(self, _request: HttpRequest, gallery: uuid.UUID) -> HttpResponse:
        return HttpResponse(get_gallery(gallery).name)

    def post(self, _request: HttpRequest, gallery: uuid.UUID) -> HttpResponse:
        actor = current_actor()
        return HttpResponse(f"{get_gallery(gallery).name} {actor.kind} {actor.name} {actor.address}")


urlpatterns = [path("galleries/<uuid:gallery>", GalleryPage.as_view()), *all_patterns]
assert handler404


@pytest.fixture
def pages(people: People, settings: Any) -> People:
    settings.ROOT_URLCONF = __name__
    return people


def ask(person: Person, gallery: Any, *, write: bool = False) -> int:
    call = person.browser.post if write else person.browser.get
    return call(f"/galleries/{gallery.pk}").status_code


def test_stranger_is_asked_to_sign_in(pages: People) -> None:
    answer = Client().get(f"/galleries/{pages.acme.pk}")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/login/")


def test_page_shows_each_person_the_own_shop_alone(pages: People) -> None:
    assert [ask(person, pages.acme) for person in (pages.alice, pages.vera, pages.gus)] == [200, 200, 404]
    assert [ask(person, pages.globex) for person in (pages.alice, pages.vera, pages.gus)] == [404, 404, 200]


def test_page_that_changes_things_is_for_those_who_may(pages: People) -> None:
    people = (pages.alice, pages.vera, pages.gus)
    assert [ask(person, pages.acme, write=True) for person in people] == [200, 404, 404]


def test_change_is_done_in_the_name_of_the_person(pages: People) -> None:
    answer = pages.alice.browser.post(f"/galleries/{pages.acme.pk}")
    assert answer.content.decode() == f"Acme shelf {AuditEvent.Actor.USER} alice@acme.example 127.0.0.1"


def test_member_who_is_removed_is_out_at_once(pages: People) -> None:
    assert ask(pages.vera, pages.acme) == 200
    with tenant_scope(pages.acme.tenant_id):
        Membership.objects.filter(user=pages.vera.user).delete()
    assert ask(pages.vera, pages.acme) == 404


def test_shop_that_is_closed_is_gone_for_its_owner(pages: People) -> None:
    hide_tenant(tenant=pages.acme.tenant)
    assert ask(pages.alice, pages.acme) == 404
    assert "You are in no shop" in pages.alice.browser.get("/").content.decode()


def test_another_shops_thing_looks_like_one_that_never_was(pages: People) -> None:
    another, nothing = (
        pages.gus.browser.get(f"/galleries/{identifier}") for identifier in (pages.acme.pk, uuid.uuid4())
    )
    known = [line for line in another.content.decode().splitlines() if "<code>" not in line]
    assert known == [line for line in nothing.content.decode().splitlines() if "<code>" not in line]
    assert another.status_code == nothing.status_code == 404


def test_home_shows_the_shop_the_role_and_its_galleries(people: People) -> None:
    for person, shown, hidden in (
        (people.alice, ("Acme shelf", "Owner"), ("Globex",)),
        (people.vera, ("Acme shelf", "Viewer"), ("Globex",)),
        (people.gus, ("Globex shelf", "Owner"), ("Acme",)),
    ):
        page = person.browser.get("/").content.decode()
        assert all(word in page for word in shown), page
        assert not [word for word in hidden if word in page]


def test_person_in_two_shops_chooses_and_stays(people: People) -> None:
    join(people.vera.user, people.globex.tenant, Membership.Role.EDITOR)
    assert "Acme shelf" in people.vera.browser.get("/").content.decode()
    answer = people.vera.browser.post(f"/shops/{people.globex.tenant_id}/choose", follow=True)
    for page in (answer.content.decode(), people.vera.browser.get("/").content.decode()):
        assert "Globex shelf" in page
        assert "Editor" in page


def test_nobody_chooses_a_shop_that_is_not_theirs(people: People) -> None:
    for person in (people.alice, people.vera):
        assert person.browser.post(f"/shops/{people.globex.tenant_id}/choose").status_code == 404
        assert "Acme shelf" in person.browser.get("/").content.decode()
    assert people.gus.browser.post(f"/shops/{uuid.uuid4()}/choose").status_code == 404


def test_home_asks_as_many_questions_for_thirty_galleries_as_for_one(
    people: People, django_assert_num_queries: Any
) -> None:
    people.alice.browser.get("/")
    with django_assert_num_queries(6):  # the session, the person, the shops, galleries, products, photos
        people.alice.browser.get("/")
    for number in range(29):
        make_gallery(people.acme.tenant, f"shelf {number}")
    with django_assert_num_queries(6):
        assert "shelf 28" in people.alice.browser.get("/").content.decode()


def test_scripts_in_names_are_shown_as_text(people: People) -> None:
    make_gallery(people.acme.tenant, "<script>alert(1)</script>")
    page = people.alice.browser.get("/").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>" not in page
