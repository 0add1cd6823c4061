"""Reference photos as files and rows, against the real storage and database."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoDbBlocker

from tenants.domain.images import AddedImage, add_image, delete_image
from tenants.domain.products import delete_product
from tenants.errors import Conflict, StorageAway
from tenants.models import Product, ReferenceImage
from tenants.scope import tenant_scope
from tests.tenants.rows import make_gallery, make_product, make_tenant

HOSTILE_NAMES = [
    "../../etc/passwd",
    "..\\..\\windows\\system32",
    "/etc/passwd",
    "C:\\photo.jpg",
    "a\x00b.jpg",
    "..",
    ".",
    "",
    "/",
    "x" * 5000 + ".jpg",
    "line\nbreak.jpg",
    "Größe 大.jpg",
]


@pytest.fixture
def unblocked(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Rows that are committed, for threads to see; they stay, under a tenant of their own."""
    with django_db_blocker.unblock():
        yield
        connection.close()


def add(product: Product, data: bytes = b"bytes", filename: str = "a.jpg") -> AddedImage:
    return add_image(product=product, filename=filename, image_format="jpeg", data=data)


def list_files(media: Path) -> list[str]:
    return sorted(str(path.relative_to(media)) for path in media.rglob("*") if path.is_file())


def test_add_image_stores_the_bytes_under_the_tenant(product: Product, media: Path) -> None:
    image = add(product).image
    assert list_files(media) == [f"{product.tenant_id}/{product.gallery_id}/{image.pk}.jpeg"]
    with default_storage.open(image.file) as stored:
        assert stored.read() == b"bytes"
    assert (image.state, image.size, image.content_type) == ("pending", 5, "image/jpeg")


def test_add_image_of_the_same_bytes_answers_the_same_row(product: Product, media: Path) -> None:
    first, second = add(product), add(product, filename="b.jpg")
    assert (first.created, second.created) == (True, False)
    assert second.image == first.image
    assert len(list_files(media)) == 1


@pytest.mark.parametrize("lost", [True, False])
def test_add_image_of_failed_bytes_gives_them_another_chance(
    product: Product, media: Path, *, lost: bool
) -> None:
    image = add(product).image
    ReferenceImage.objects.filter(pk=image.pk).update(state="failed", failure_code="gave_up", attempts=5)
    if lost:
        default_storage.delete(image.file)

    again = add(product)

    assert (again.created, again.image.pk, again.image.state) == (False, image.pk, "pending")
    assert (again.image.failure_code, again.image.attempts) == ("", 0)
    assert list_files(media) == [again.image.file]
    with default_storage.open(again.image.file) as stored:
        assert stored.read() == b"bytes"


def test_add_image_of_the_same_bytes_to_another_product_is_another_row(product: Product, media: Path) -> None:
    other = make_product(product.gallery, "two")
    assert add(product).image != add(other).image
    assert len(list_files(media)) == 2


def test_add_image_after_a_deletion_is_a_new_row(product: Product) -> None:
    first = add(product).image
    delete_image(image=first)
    again = add(product)
    assert again.created
    assert again.image != first


@pytest.mark.parametrize("filename", HOSTILE_NAMES)
def test_add_image_never_makes_a_path_of_the_filename(product: Product, media: Path, filename: str) -> None:
    image = add(product, filename=filename).image
    image.refresh_from_db()
    assert list_files(media) == [image.file]
    assert image.file == f"{product.tenant_id}/{product.gallery_id}/{image.pk}.jpeg"
    assert 1 <= len(image.filename) <= 255
    assert not set(image.filename) & set("/\\\x00")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filename=st.text(max_size=300))
def test_add_image_takes_any_filename(product: Product, filename: str) -> None:
    image = add(product, data=filename.encode("utf-8", "surrogatepass"), filename=filename).image
    assert 1 <= len(image.filename) <= 255
    assert not set(image.filename) & set("/\\\x00")


def test_add_image_to_a_deleted_product_leaves_no_row_and_no_file(product: Product, media: Path) -> None:
    delete_product(product=product)
    with pytest.raises(Conflict) as refused:
        add(product)
    assert refused.value.code == "product_deleted"
    assert not ReferenceImage.objects.exists()
    assert list_files(media) == []


def test_add_image_to_a_storage_that_is_away_leaves_no_row(product: Product, media: Path) -> None:
    media.rmdir()
    media.write_text("a file, where the storage wants a folder")
    with pytest.raises(StorageAway) as away:
        add(product)
    assert away.value.code == "storage_away"
    assert not ReferenceImage.objects.exists()


def test_delete_product_hides_its_photos_too(product: Product) -> None:
    image = add(product).image
    delete_product(product=product)
    image.refresh_from_db()
    assert image.deleted_at is not None


def run_at_once(product: Product, *works: Callable[[], AddedImage]) -> list[AddedImage]:
    """What each work answers, all started at the same moment, each on a connection of its own."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], AddedImage]) -> AddedImage:
        try:
            with tenant_scope(product.tenant_id):
                gate.wait(10)
                return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_add_image_at_the_same_moment_leaves_one_row_and_one_file(media: Path, unblocked: None) -> None:
    product = make_product(make_gallery(make_tenant("acme")))
    for attempt in range(5):
        data = f"photo {attempt}".encode()
        added = run_at_once(product, *[lambda data=data: add(product, data)] * 4)
        assert sorted(each.created for each in added) == [False, False, False, True]
        assert len({each.image.pk for each in added}) == 1
    with tenant_scope(product.tenant_id):
        files = sorted(ReferenceImage.objects.values_list("file", flat=True))
    assert len(files) == 5
    assert list_files(media) == files
