"""Workers killed at their work, and messages lost: nothing is lost with them, and nobody waits for ever."""

import re
import signal
import threading
import time
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
import redis
from django.conf import settings

from retrieval.index.rows import list_searched, space_of
from retrieval.index.store import connect_store
from tenants.models import Gallery, ReferenceImage, Region
from tenants.scope import tenant_scope
from tests.api.catalog import add_product, count_images, make_gallery, upload, wait_indexed
from tests.api.photos import draw_photo
from tests.conftest import Service, Shop, wait_until

RECOGNITION_LIMIT_S = settings.RECOGNIZE_TIMEOUT_S + 3


@pytest.fixture
def restarting(service: Service) -> Iterator[Service]:
    """The service, whole again afterwards whatever the test has killed."""
    yield service
    for name, process in service.processes.items():
        if process.poll() is not None:
            service.start(name)
    service.wait_ready()


@pytest.fixture
def broker() -> Iterator["redis.Redis"]:
    client = redis.Redis.from_url(settings.REDIS_URL)
    yield client
    client.close()


def upload_many(shop: Shop, gallery: str, count: int) -> None:
    product = add_product(shop, gallery, "many")
    upload(shop, gallery, product, *(draw_photo(seed) for seed in range(count)))


def assert_indexed_exactly_once(gallery_id: str, count: int) -> None:
    """Each photo ended once, and PostgreSQL and Milvus count the same regions."""
    gallery = Gallery.across_tenants.get(pk=UUID(gallery_id))
    images = ReferenceImage.across_tenants.filter(gallery=gallery)
    assert list(images.values_list("state", flat=True)) == ["indexed"] * count
    regions = Region.across_tenants.filter(image__gallery=gallery)
    assert regions.values("image").distinct().count() == count
    boxes = list(regions.values_list("image", "source", "x1", "y1", "x2", "y2"))
    assert len(set(boxes)) == len(boxes)
    with tenant_scope(gallery.tenant_id):
        (index,) = list_searched(gallery)
    assert connect_store().count(space_of(index), seen=None) == len(boxes)


def test_photos_of_a_killed_bulk_worker_are_indexed_exactly_once(restarting: Service, acme: Shop) -> None:
    gallery = make_gallery(acme)
    upload_many(acme, gallery, 30)
    held = ReferenceImage.across_tenants.filter(
        gallery_id=gallery, leased_until__isnull=False, state="pending"
    )
    wait_until(held.exists, "the worker holds photos")
    time.sleep(1)
    restarting.stop("bulk", signal.SIGKILL)
    assert held.exists(), "the worker was to be killed at its work"

    restarting.start("bulk")

    wait_until(lambda: count_images(acme, gallery, "indexed") == 30, "all photos are indexed", 100)
    assert_indexed_exactly_once(gallery, 30)


def test_pending_photos_whose_message_was_lost_are_indexed(
    restarting: Service, acme: Shop, broker: "redis.Redis"
) -> None:
    gallery = make_gallery(acme)
    restarting.stop("bulk")
    upload_many(acme, gallery, 2)
    # As when a broker without a disk starts anew: the messages, and what is known about them.
    assert broker.delete("bulk") == 1
    broker.delete(*broker.keys("vitrine:asked:*"))
    restarting.start("bulk")

    wait_indexed(acme, gallery, 2)
    assert_indexed_exactly_once(gallery, 2)


def test_provisioning_and_photos_of_two_shops_do_not_wait_for_each_other(acme: Shop, globex: Shop) -> None:
    """One shop's upload of many photos must not keep another's new gallery waiting for long."""
    busy = make_gallery(acme)
    for number in range(6):
        product = add_product(acme, busy, f"sku-{number}")
        upload(acme, busy, product, *(draw_photo(100 * number + seed) for seed in range(10)))
    started = time.monotonic()
    make_gallery(globex)
    waited = time.monotonic() - started
    assert waited < settings.INDEX_SLICE_S + 15, f"{waited:.0f} s"
    wait_until(lambda: count_images(acme, busy, "pending") == 0, "the photos are done", 100)


def recognize_until(shop: Shop, gallery: str, stop: threading.Event) -> list[tuple[int, float]]:
    """(status, seconds) of recognitions, one after the other until `stop`."""
    answers = []
    while not stop.is_set():
        started = time.monotonic()
        status = recognize(shop, gallery).status_code
        answers.append((status, time.monotonic() - started))
    return answers


def recognize(shop: Shop, gallery: str) -> httpx.Response:
    return shop.http.post(f"/v1/galleries/{gallery}/recognize", files={"image": draw_photo(1)})


def test_recognize_answers_in_time_while_its_worker_is_killed(restarting: Service, acme: Shop) -> None:
    gallery = make_gallery(acme)
    upload(acme, gallery, add_product(acme, gallery, "one"), draw_photo(1))
    wait_indexed(acme, gallery, 1)
    stop = threading.Event()
    answers: list[tuple[int, float]] = []
    callers = [
        threading.Thread(target=lambda: answers.extend(recognize_until(acme, gallery, stop)))
        for _ in range(2)
    ]
    for caller in callers:
        caller.start()
    time.sleep(2)
    restarting.stop("recognize", signal.SIGKILL)
    time.sleep(settings.RECOGNIZE_TIMEOUT_S + 2)
    away = recognize(acme, gallery)
    restarting.start("recognize")
    restarting.wait_ready()
    stop.set()
    for caller in callers:
        caller.join()

    assert {status for status, _ in answers} == {200, 503}
    assert max(seconds for _, seconds in answers) < RECOGNITION_LIMIT_S
    assert (away.status_code, away.json()["code"]) == (503, "workers_away")
    assert int(away.headers["Retry-After"]) > 0
    assert recognize(acme, gallery).json()["answer"]["product"]["sku"] == "one"


def test_request_id_stands_in_the_lines_of_the_worker(
    service: Service, acme: Shop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    gallery = make_gallery(acme)
    answer = acme.http.post(
        f"/v1/galleries/{gallery}/recognize",
        files={"image": draw_photo(1)},
        headers={"X-Request-ID": "find-me-in-the-log"},
    )
    assert answer.json()["request_id"] == "find-me-in-the-log"
    (log,) = tmp_path_factory.getbasetemp().glob("logs[0-9]*/recognize.log")
    line = re.compile(r"INFO celery\.app\.trace \[find-me-in-the-log\] Task recognize\.recognize")
    wait_until(lambda: bool(line.search(log.read_text())), "the worker has written its line", 10)


def test_sweeps_that_find_nothing_are_not_in_the_log(
    service: Service, tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.getbasetemp()
    logs = [path for name in ("bulk", "beat") for path in base.glob(f"logs[0-9]*/{name}.log")]
    assert len(logs) == 2
    for log in logs:
        assert "celery" in log.read_text()
        assert "bulk.sweep[" not in log.read_text()
        assert "Sending due task sweep" not in log.read_text()
