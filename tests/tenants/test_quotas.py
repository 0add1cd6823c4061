"""What a shop has is counted exactly, whoever adds and removes at once, and bounded by its quota."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from pytest_django import DjangoDbBlocker, Settings

from tenants.domain.allowances import default_allowance, recall_allowance, reset_quota, set_quota
from tenants.domain.exemplars import add_distractor, delete_exemplar
from tenants.domain.galleries import create_gallery
from tenants.domain.images import add_image, delete_image
from tenants.domain.products import create_product
from tenants.domain.quotas import (
    Holdings,
    QuotaExceeded,
    check_quota,
    describe_full,
    fit_into_quota,
    read_holdings,
    read_room,
)
from tenants.domain.tenants import hide_tenant
from tenants.models import AuditEvent, Exemplar, Gallery, Product, ReferenceImage, Tenant
from tenants.scope import tenant_scope
from tests.tenants.rows import make_gallery, make_product, make_tenant

ROOT = Path(__file__).parents[2]
_KILLED_BEHIND_ITS_FILE = """
import os, signal, sys
from uuid import UUID
import django
django.setup()
from tenants.domain import images
from tenants.models import Product
from tenants.scope import tenant_scope
def die(*_args, **_fields):
    os.kill(os.getpid(), signal.SIGKILL)
product_id, tenant_id, moment = sys.argv[1:]
if moment == "before the row":
    images._create_row = die
else:
    # The row is in, and counted; nothing is committed.
    images.check_quota = die
with tenant_scope(UUID(tenant_id)):
    images.add_image(
        product=Product.objects.get(pk=product_id), filename="a.jpg", image_format="jpeg", data=b"killed"
    )
"""


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: DjangoDbBlocker, media: Path) -> Iterator[Product]:
    """A product whose row threads and processes see; it stays, under a tenant of its own."""
    with django_db_blocker.unblock():
        product = make_product(make_gallery(make_tenant("acme")))
        with tenant_scope(product.tenant_id):
            yield product
        connection.close()


def count_rows(tenant: Tenant) -> Holdings:
    """What there is, counted anew."""
    with tenant_scope(tenant.pk):
        sizes = [*ReferenceImage.objects.values_list("size", flat=True)]
        sizes += Exemplar.objects.values_list("size", flat=True)
        return Holdings(Gallery.objects.count(), Product.objects.count(), len(sizes), sum(sizes))


def add(product: Product, data: bytes) -> ReferenceImage:
    return add_image(product=product, filename="a.jpg", image_format="jpeg", data=data).image


def run_at_once(product: Product, works: Sequence[Callable[[], object]]) -> list[object]:
    """What each returned or raised; all began together."""
    ready = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        try:
            with tenant_scope(product.tenant_id):
                ready.wait(10)
                return work()
        except QuotaExceeded as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_what_is_added_and_removed_is_counted(product: Product) -> None:
    tenant = product.tenant
    assert read_holdings(tenant.pk) == Holdings(galleries=1, products=1)
    image = add(product, b"four")
    add(product, b"four")
    distractor = add_distractor(tenant_id=tenant.pk, filename="d", image_format="png", data=b"123").exemplar
    create_product(gallery=product.gallery, sku="two")
    assert read_holdings(tenant.pk) == Holdings(galleries=1, products=2, images=2, bytes=7)
    delete_image(image=image)
    assert read_holdings(tenant.pk).images == 2, "what is not purged takes up room"
    ReferenceImage.objects.filter(pk=image.pk).delete()
    delete_exemplar(exemplar=distractor)
    assert read_holdings(tenant.pk) == count_rows(tenant) == Holdings(galleries=1, products=2)


def test_statement_of_many_rows_a_cascade_and_another_size_are_counted(product: Product) -> None:
    tenant = product.tenant
    for number in range(5):
        add(product, b"x" * (number + 1))
    ReferenceImage.objects.filter(size__gte=4).update(size=10)
    assert read_holdings(tenant.pk) == count_rows(tenant) == Holdings(1, 1, 5, 26)
    product.gallery.delete()
    assert read_holdings(tenant.pk) == count_rows(tenant) == Holdings()


def test_count_is_rolled_back_with_the_rows(product: Product) -> None:
    with transaction.atomic():
        add(product, b"data")
        assert read_holdings(product.tenant_id).images == 1
        transaction.set_rollback(True)
    assert read_holdings(product.tenant_id).images == 0


def test_shops_are_counted_apart(product: Product) -> None:
    globex = make_product(make_gallery(make_tenant("globex")))
    with tenant_scope(globex.tenant_id):
        add(globex, b"theirs")
    assert read_holdings(product.tenant_id) == Holdings(galleries=1, products=1)
    assert read_holdings(globex.tenant_id) == Holdings(1, 1, 1, 6)


def test_removed_shop_leaves_no_counters(product: Product) -> None:
    add(product, b"data")
    tenant_id = product.tenant_id
    hide_tenant(tenant=product.tenant)
    product.gallery.delete()
    product.tenant.delete()
    assert read_holdings(tenant_id) == Holdings()


@pytest.mark.parametrize(("name", "bound"), [("galleries", 1), ("products", 1), ("images", 0), ("bytes", 3)])
def test_one_more_than_the_quota_is_refused_and_leaves_nothing(
    product: Product, media: Path, name: str, bound: int
) -> None:
    set_quota(tenant=product.tenant, bounds={name: bound})
    adding: dict[str, Callable[[], object]] = {
        "galleries": lambda: create_gallery(tenant_id=product.tenant_id, name="new", settings={}),
        "products": lambda: create_product(gallery=product.gallery, sku="new"),
        "images": lambda: add(product, b"four"),
        "bytes": lambda: add_distractor(
            tenant_id=product.tenant_id, filename="d", image_format="png", data=b"four"
        ),
    }
    with pytest.raises(QuotaExceeded, match=f"may have {bound} .*GET /v1/usage") as refused:
        adding[name]()
    assert refused.value.code == "quota_exceeded"
    assert read_holdings(product.tenant_id) == count_rows(product.tenant) == Holdings(1, 1)
    assert not [path for path in media.rglob("*") if path.is_file()]


def test_photo_that_is_there_already_needs_no_room(product: Product) -> None:
    first = add(product, b"data")
    set_quota(tenant=product.tenant, bounds={"images": 1})
    assert add(product, b"data").pk == first.pk


@pytest.mark.parametrize("bounds", [{"images": 3}, {"bytes": 3 * 6 + 5}])
def test_many_at_once_fill_the_quota_exactly(
    committed: Product, media: Path, bounds: dict[str, int | None]
) -> None:
    set_quota(tenant=committed.tenant, bounds=bounds)
    works = [partial(add, committed, b"photo%d" % number) for number in range(6)]
    ended = run_at_once(committed, works)
    assert len([one for one in ended if isinstance(one, ReferenceImage)]) == 3
    assert len([one for one in ended if isinstance(one, QuotaExceeded)]) == 3
    assert read_holdings(committed.tenant_id) == count_rows(committed.tenant) == Holdings(1, 1, 3, 18)
    assert len([path for path in media.rglob("*") if path.is_file()]) == 3


def test_adding_and_removing_at_once_ends_with_the_exact_count(committed: Product) -> None:
    photos = [add(committed, b"old%d" % number) for number in range(3)]
    works: list[Callable[[], object]] = [
        *(partial(add, committed, b"new%d" % number) for number in range(3)),
        *(ReferenceImage.objects.filter(pk=photo.pk).delete for photo in photos),
        *(partial(create_product, gallery=committed.gallery, sku=f"s{number}") for number in range(2)),
    ]
    run_at_once(committed, works)
    assert read_holdings(committed.tenant_id) == count_rows(committed.tenant) == Holdings(1, 3, 3, 12)


@pytest.mark.parametrize("moment", ["before the row", "before the commit"])
def test_process_killed_behind_its_file_has_counted_nothing(
    committed: Product, media: Path, moment: str
) -> None:
    set_quota(tenant=committed.tenant, bounds={"images": 1})
    settings = connection.settings_dict
    script = [
        sys.executable,
        "-c",
        _KILLED_BEHIND_ITS_FILE,
        str(committed.pk),
        str(committed.tenant_id),
        moment,
    ]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{settings['NAME']}",
        "DATABASE_OWNER_URL": "",
        "MEDIA_ROOT": str(media),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "platform")]),
    }
    killed = subprocess.run(script, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len([path for path in media.rglob("*") if path.is_file()]) == 1
    assert read_holdings(committed.tenant_id) == count_rows(committed.tenant) == Holdings(1, 1)
    add(committed, b"room for one")


def test_room_is_what_the_quota_leaves(product: Product) -> None:
    assert asdict(read_room(product.tenant_id)) == {"products": None, "images": None, "bytes": None}
    set_quota(tenant=product.tenant, bounds={"images": 2, "bytes": 10, "products": 0})
    room = read_room(product.tenant_id)
    assert asdict(room) == {"products": 0, "images": 2, "bytes": 10}
    assert [room.take_photo(6), room.take_photo(6), room.take_photo(4), room.take_photo(0)] == [
        True,
        False,
        True,
        False,
    ]


def test_work_is_done_again_while_others_take_the_room(product: Product) -> None:
    tries = []

    def work() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise QuotaExceeded("taken")
        return "done"

    assert fit_into_quota(work) == "done"
    assert len(tries) == 3


def test_platform_defaults_hold_until_something_is_said(product: Product, settings: Settings) -> None:
    settings.QUOTA_PRODUCTS, settings.QUOTA_GALLERIES = 1, 7
    assert recall_allowance(product.tenant_id) == default_allowance()
    check_quota(product.tenant_id, "products")
    with pytest.raises(QuotaExceeded):
        create_product(gallery=product.gallery, sku="two")

    changed = set_quota(tenant=product.tenant, bounds={"products": 2})
    assert (changed.products, changed.galleries) == (2, 7)
    settings.QUOTA_GALLERIES = 8
    assert recall_allowance(product.tenant_id) == changed
    create_product(gallery=product.gallery, sku="two")
    assert "2 products" in describe_full(product.tenant_id, "products", "images")

    assert reset_quota(tenant=product.tenant) == default_allowance() == recall_allowance(product.tenant_id)
    events = AuditEvent.objects.filter(action__startswith="quota.").order_by("id")
    assert [(event.action, event.before, event.after) for event in events] == [
        ("quota.updated", {"products": 1}, {"products": 2}),
        ("quota.reset", {"products": 2, "galleries": 7}, {"products": 1, "galleries": 8}),
    ]


def test_command_sets_and_prints(product: Product) -> None:
    slug, printed = product.tenant.slug, StringIO()
    call_command("setquota", slug, "images=10", "calls_a_minute=none", stdout=printed)
    assert {"images=10", "calls_a_minute=none", "galleries=none"} <= set(printed.getvalue().split())
    assert recall_allowance(product.tenant_id).images == 10
    call_command("setquota", slug, "--reset", stdout=StringIO())
    assert recall_allowance(product.tenant_id) == default_allowance()


@pytest.mark.parametrize(
    "said",
    [
        "images",
        "photos=1",
        "images=",
        "images=-1",
        "images=1e3",
        f"images={2**63}",
        "calls_a_minute=" + "9" * 10,
    ],
)
def test_command_refuses_what_is_no_quota(product: Product, said: str) -> None:
    with pytest.raises(CommandError):
        call_command("setquota", product.tenant.slug, said, stdout=StringIO())
    assert recall_allowance(product.tenant_id) == default_allowance()


def test_command_refuses_an_unknown_shop(db: None) -> None:
    with pytest.raises(CommandError, match="nobody"):
        call_command("setquota", "nobody", stdout=StringIO())
