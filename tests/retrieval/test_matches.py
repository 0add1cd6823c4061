"""From hits to products: PostgreSQL is the truth."""

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from retrieval.index.store import Hit
from retrieval.matches import load_matches
from tenants.domain.products import create_product
from tenants.models import Product, ReferenceImage, Region
from tenants.scope import tenant_scope
from tests.retrieval.shelf import Shelf, open_shelf

pytestmark = pytest.mark.django_db


def add_region(shelf: Shelf, sku: str, state: str = "indexed") -> Region:
    with tenant_scope(shelf.tenant.id):
        product = create_product(gallery=shelf.gallery, sku=sku)
        image = ReferenceImage.objects.create(
            tenant=shelf.tenant, gallery=shelf.gallery, product=product, size=1, state=state, sha256=sku
        )
        return Region.objects.create(
            tenant=shelf.tenant, image=image, x1=1, y1=2, x2=3, y2=4, score=1, source="whole"
        )


def match_skus(shelf: Shelf, hits: list[list[Hit]]) -> list[list[str]]:
    with tenant_scope(shelf.tenant.id):
        return [[match.product.sku for match in row] for row in load_matches(shelf.gallery, hits)]


def test_matches_keep_the_order_of_the_hits_of_each_row() -> None:
    shelf = open_shelf("acme")
    a, b, c = (add_region(shelf, sku) for sku in "abc")
    hits = [[Hit(c.id, 0.9), Hit(a.id, 0.8)], [], [Hit(b.id, 0.7), Hit(c.id, 0.2)]]

    assert match_skus(shelf, hits) == [["c", "a"], [], ["b", "c"]]
    with tenant_scope(shelf.tenant.id):
        match = load_matches(shelf.gallery, hits)[0][0]
    assert (match.region_key, match.region_id, match.image_id) == (c.id, c.uid, c.image_id)
    assert (match.box, match.similarity, match.distance) == ((1, 2, 3, 4), 0.9, None)


def test_matches_keep_distances_and_the_thresholds_of_products() -> None:
    shelf = open_shelf("acme")
    near, far = add_region(shelf, "near"), add_region(shelf, "far")
    with tenant_scope(shelf.tenant.id):
        Product.objects.filter(sku="far").update(score_threshold=0.25)
        (row,) = load_matches(shelf.gallery, [[Hit(near.id, 0.75, 2), Hit(far.id, 0.5, 4)]])
    assert [match.distance for match in row] == [2, 4]
    assert [match.product.score_threshold for match in row] == [None, 0.25]
    measured = row[1].with_similarity(0.1)
    assert (measured.similarity, measured.distance, measured.product) == (0.1, 4, row[1].product)


def test_hits_of_deleted_pending_failed_and_unknown_regions_fall_out() -> None:
    shelf = open_shelf("acme")
    kept = add_region(shelf, "kept")
    image_gone, product_gone = add_region(shelf, "image-gone"), add_region(shelf, "product-gone")
    pending, failed = add_region(shelf, "pending", "pending"), add_region(shelf, "failed", "failed")
    with tenant_scope(shelf.tenant.id):
        ReferenceImage.objects.filter(pk=image_gone.image_id).update(deleted_at=timezone.now())
        type(shelf.product).objects.filter(sku="product-gone").update(deleted_at=timezone.now())
    regions = [image_gone, product_gone, pending, kept, failed]

    assert match_skus(shelf, [[Hit(region.id, 0.5) for region in regions] + [Hit(10**12, 0.4)]]) == [["kept"]]


def test_hits_of_another_gallery_or_tenant_fall_out() -> None:
    acme, globex = open_shelf("acme"), open_shelf("globex")
    own, foreign = add_region(acme, "own"), add_region(globex, "foreign")
    with tenant_scope(acme.tenant.id):
        sibling_gallery = type(acme.gallery).objects.create(tenant=acme.tenant, name="other")
    sibling = add_region(Shelf(acme.tenant, sibling_gallery, acme.product), "sibling")
    hits = [[Hit(foreign.id, 0.9), Hit(sibling.id, 0.8), Hit(own.id, 0.7)]]

    assert match_skus(acme, hits) == [["own"]]
    assert match_skus(globex, hits) == [["foreign"]]


@pytest.mark.parametrize("count", [1, 12])
def test_matches_cost_one_query_whatever_their_number(
    count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    shelf = open_shelf("acme")
    hits = [[Hit(add_region(shelf, f"sku-{number}").id, 0.5)] for number in range(count)]
    with django_assert_num_queries(1):
        assert len(match_skus(shelf, hits)) == count
