"""Lists: newest first, complete, and no dearer for being longer."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.models import Job
from tenants.domain.keys import issue_key
from tenants.models import Product
from tenants.models.api_key import Scope
from tenants.scope import tenant_scope
from tests.api.conftest import Stall
from tests.conftest import Shop
from tests.tenants.rows import change_rows, make_gallery, make_image, make_product, make_tenant


def read_pages(shop: Shop, path: str, limit: int, meanwhile: Callable[[], object] = int) -> list[list[str]]:
    """The ids of each page, following `next`; `meanwhile` runs after each."""
    pages: list[list[str]] = []
    following: str | None = f"{path}?limit={limit}"
    while following:
        page = shop.http.get(following).json()
        pages.append([row["id"] for row in page["results"]])
        following = page["next"]
        meanwhile()
    return pages


def test_pages_are_complete_and_newest_first(acme: Shop) -> None:
    gallery = acme.http.post("/v1/galleries", json={"name": "shelf"}).json()["id"]
    path = f"/v1/galleries/{gallery}/products"
    made = [acme.http.post(path, json={"sku": f"A{number}"}).json()["id"] for number in range(11)]
    pages = read_pages(acme, path, 4)
    assert [len(page) for page in pages] == [4, 4, 3]
    assert [product for page in pages for product in page] == made[::-1]


def test_pages_repeat_nothing_while_rows_are_added_and_deleted(acme: Shop) -> None:
    gallery = acme.http.post("/v1/galleries", json={"name": "shelf"}).json()["id"]
    path = f"/v1/galleries/{gallery}/products"
    made = [acme.http.post(path, json={"sku": f"A{number}"}).json()["id"] for number in range(8)]

    def disturb() -> None:
        acme.http.post(path, json={"sku": uuid.uuid4().hex})
        acme.http.delete(f"{path}/{made[7]}")

    seen = [product for page in read_pages(acme, path, 3, disturb) for product in page]
    assert seen == made[::-1]


def test_address_of_the_next_page_keeps_the_filter(stall: Stall) -> None:
    first = stall.shop.http.get(f"{stall.path}/images", params={"state": "indexed", "limit": 2}).json()
    assert "state=indexed" in first["next"]
    second = stall.shop.http.get(first["next"]).json()
    assert [row["id"] for row in first["results"] + second["results"]] == stall.images[::-1]
    assert second["next"] is None


def add_gallery(product: Product) -> None:
    make_gallery(product.tenant, uuid.uuid4().hex)


def add_variant(product: Product) -> None:
    variant = make_product(product.gallery, uuid.uuid4().hex)
    change_rows(Product.across_tenants.filter(pk=variant.pk), style_of=product)


def add_job(product: Product) -> None:
    with tenant_scope(product.tenant_id):
        Job.objects.create(
            tenant=product.tenant, gallery=product.gallery, kind=Job.Kind.PROVISION_GALLERY, trigger="test"
        )


@pytest.mark.parametrize(
    ("address", "add_row"),
    [
        ("/v1/galleries", add_gallery),
        ("/v1/galleries/{gallery}/products", add_variant),
        ("/v1/galleries/{gallery}/images", make_image),
        ("/v1/jobs", add_job),
    ],
    ids=["galleries", "products", "images", "jobs"],
)
def test_list_takes_as_many_queries_for_thirty_rows_as_for_one(
    db: None, client: Client, address: str, add_row: Callable[[Product], object]
) -> None:
    product = make_product(make_gallery(make_tenant("acme")))
    key = issue_key(tenant=product.tenant, name="test", scopes=list(Scope)).plaintext
    path = address.format(gallery=product.gallery_id)

    def count_queries() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as queries:
            answer: Any = client.get(path, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200, answer.content
        return len(answer.json()["results"]), len(queries)

    add_row(product)
    count_queries()  # the first use of a key is noted in its row
    few, queries_for_few = count_queries()
    for _ in range(29):
        add_row(product)
    assert count_queries() == (few + 29, queries_for_few)
    assert queries_for_few <= 5
