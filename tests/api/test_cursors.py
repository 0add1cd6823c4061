"""Lists asked with whatever cursor, limit and filter can be made up: a page of one's own rows, or a 400."""

import base64
import uuid
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tenants.domain.keys import issue_key
from tenants.models.api_key import Scope
from tests.tenants.rows import make_gallery, make_product, make_tenant

ROWS = 7
# The rows are made once for all examples, none of which changes them.
on_same_rows = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Shelf:
    """Acme's gallery with some products, which Globex has, too."""

    def __init__(self) -> None:
        self._client = Client(raise_request_exception=False)
        gallery = make_gallery(make_tenant("acme"))
        self.products = [str(make_product(gallery, f"A{number}").pk) for number in range(ROWS)][::-1]
        other = make_gallery(make_tenant("globex"))
        self.foreign = [str(make_product(other, f"A{number}").pk) for number in range(ROWS)]
        self.path = f"/v1/galleries/{gallery.pk}/products"
        self._key = issue_key(tenant=gallery.tenant, name="test", scopes=[Scope.CATALOG_READ]).plaintext

    def ask(self, **query: str) -> tuple[int, Any]:
        """(status, body)."""
        asked = "&".join(
            f"{quote(name)}={quote(value, errors='surrogatepass')}" for name, value in query.items()
        )
        return self.follow(f"{self.path}?{asked}")

    def follow(self, address: str) -> tuple[int, Any]:
        """The same, of a whole address."""
        answer = self._client.get(address, headers={"Authorization": f"Bearer {self._key}"})
        return answer.status_code, answer.json()


@pytest.fixture
def shelf(db: None) -> Shelf:
    return Shelf()


def check_page(shelf: Shelf, status: int, body: Any) -> None:
    """A page of the shelf in its order, or a problem that names the cursor."""
    if status == 400:
        assert (body["code"], list(body["errors"])) == ("invalid_request", ["cursor"])
        return
    assert status == 200
    shown = [row["id"] for row in body["results"]]
    assert shown == [product for product in shelf.products if product in shown]


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


_IDS = st.uuids().map(str) | st.text(max_size=8) | st.integers().map(str)
_TOKENS = st.builds(
    lambda position, offset, reverse: encode(f"p={position}&o={offset}&r={reverse}"),
    _IDS,
    st.integers(-5, 2000) | st.text(max_size=4),
    st.sampled_from(["0", "1", "-1", "x", ""]),
)


@given(st.text(max_size=40) | _TOKENS)
@example(encode(f"p={uuid.UUID(int=0)}"))
@example(encode(f"p={uuid.UUID(int=2**128 - 1)}&r=1"))
@example(encode("p=\x00"))
@example(encode("o=99999999999999999999"))
@on_same_rows
def test_any_cursor_gives_a_page_of_ones_own_rows_or_is_refused(shelf: Shelf, cursor: str) -> None:
    check_page(shelf, *shelf.ask(cursor=cursor))


@given(st.integers(0, ROWS - 1), st.data())
@on_same_rows
def test_cursor_of_ours_with_a_character_changed_does_no_harm(shelf: Shelf, place: int, data: Any) -> None:
    _, page = shelf.ask(limit="2", cursor=encode(f"p={shelf.products[place]}"))
    token = (
        encode(f"p={shelf.products[place]}") if page["next"] is None else page["next"].partition("cursor=")[2]
    )
    cut = data.draw(st.integers(0, len(token) - 1))
    check_page(shelf, *shelf.ask(cursor=f"{token[:cut]}{data.draw(st.characters())}{token[cut + 1 :]}"))


@given(st.sampled_from(range(ROWS)), st.booleans())
@on_same_rows
def test_anothers_row_as_a_cursor_shows_nothing_of_the_other(shelf: Shelf, place: int, back: bool) -> None:  # noqa: FBT001 - drawn
    status, body = shelf.ask(cursor=encode(f"p={shelf.foreign[place]}&r={int(back)}"))
    check_page(shelf, status, body)
    assert not set(shelf.foreign) & {row["id"] for row in body["results"]}


@given(st.text(max_size=12).filter(lambda text: not text.strip().isdecimal()) | st.integers(-9, 3).map(str))
@on_same_rows
def test_any_limit_is_taken_for_one_within_bounds(shelf: Shelf, limit: str) -> None:
    status, body = shelf.ask(limit=limit)
    check_page(shelf, status, body)
    assert len(body["results"]) == (min(int(limit), ROWS) if limit in {"1", "2", "3"} else ROWS)


_NAMES = st.text(min_size=1, max_size=8).filter(lambda name: name not in {"cursor", "limit", "sku", "format"})


@given(st.integers(1, ROWS + 1), st.dictionaries(_NAMES, st.text(max_size=8), max_size=3))
@on_same_rows
def test_pages_are_complete_whatever_else_the_address_says(
    shelf: Shelf, limit: int, more: dict[str, str]
) -> None:
    status, page = shelf.ask(limit=str(limit), **more)
    seen = [row["id"] for row in page["results"]]
    while page["next"]:
        address = urlsplit(page["next"])
        status, page = shelf.follow(f"{address.path}?{address.query}")
        seen += [row["id"] for row in page["results"]]
    assert (status, seen) == (200, shelf.products)


@given(st.text(max_size=20) | st.sampled_from([f"A{number}" for number in range(ROWS)]))
@on_same_rows
def test_filter_by_sku_finds_that_sku_and_nothing_else(shelf: Shelf, sku: str) -> None:
    status, body = shelf.ask(sku=sku)
    assert status == 200
    assert [row["sku"] for row in body["results"]] == ([sku] if sku in {f"A{n}" for n in range(ROWS)} else [])
