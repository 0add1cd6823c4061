"""What is kept of recognitions: what became of them, and their photos only where and while a shop wishes."""

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from PIL import Image

import retrieval.galleries
import retrieval.query_log
from config.log import request_id
from retrieval.galleries import remove_gallery
from retrieval.index.store import VectorStore
from retrieval.query_log import log_query
from retrieval.query_retention import forget_queries, tenants_with_old_queries
from tenants.domain.privacy import change_privacy, read_privacy
from tenants.errors import StorageAway
from tenants.models import AuditEvent, Gallery, QueryLog
from tenants.scope import tenant_scope
from tests.api.photos import draw_photo
from tests.retrieval.moments import Killed, act_before, kill, once
from tests.retrieval.shelf import Shelf, open_shelf

UNKNOWN = {"outcome": "unknown", "score": 0.4321}
NAMED = {"outcome": "product", "score": 0.95}
EMPTY = {"outcome": "unknown", "score": None}


@pytest.fixture
def acme(rows: None) -> Iterator[Shelf]:
    shelf = open_shelf("acme")
    with tenant_scope(shelf.tenant.id):
        yield shelf


def log(shelf: Shelf, photo: bytes | None = None, **said: Any) -> QueryLog:
    row = log_query(
        gallery_id=shelf.gallery.pk,
        photo=photo or draw_photo(1),
        **{"answer": UNKNOWN, "took_ms": 42, **said},
    )
    assert row is not None
    return row


def age(row: QueryLog, **ago: float) -> None:
    QueryLog.objects.filter(pk=row.pk).update(at=timezone.now() - timedelta(**ago))


def list_files(shelf: Shelf) -> list[str]:
    folder = Path(settings.MEDIA_ROOT) / str(shelf.tenant.id) / str(shelf.gallery.pk) / "asked"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def read(row: QueryLog) -> QueryLog:
    return QueryLog.objects.get(pk=row.pk)


@pytest.mark.parametrize(
    ("answer", "outcome", "similarity"),
    [(NAMED, "recognised", 0.95), (UNKNOWN, "unknown", 0.4321), (EMPTY, "unknown", None)],
)
def test_log_says_what_became_of_a_query_and_keeps_no_photo(
    acme: Shelf, answer: dict[str, Any], outcome: str, similarity: float | None
) -> None:
    token = request_id.set("till-7-99")
    row = read(log(acme, answer=answer))
    request_id.reset(token)
    assert (row.outcome, row.similarity, row.took_ms) == (outcome, similarity, 42)
    assert (row.request_id, row.file, row.size) == ("till-7-99", "", 0)
    assert list_files(acme) == []


def test_photo_is_kept_without_its_metadata_where_the_shop_wishes(acme: Shelf) -> None:
    change_privacy(keep_queries_days=7)
    exif = Image.Exif()
    exif[0x010E] = "taken at the customer's home"
    buffer = BytesIO()
    Image.open(BytesIO(draw_photo(1))).save(buffer, "JPEG", exif=exif)
    assert b"customer" in buffer.getvalue()

    row = read(log(acme, buffer.getvalue()))

    assert list_files(acme) == [f"{row.pk}.jpeg"]
    stored = (Path(settings.MEDIA_ROOT) / row.file).read_bytes()
    assert (row.size, b"customer" in stored) == (len(stored), False)


def test_photos_go_when_their_time_is_over_and_rows_when_theirs_is(acme: Shelf) -> None:
    change_privacy(keep_queries_days=7)
    fresh, due, old = log(acme), log(acme), log(acme)
    age(fresh, days=6.9)
    age(due, days=7.1)
    age(old, days=settings.QUERY_LOG_DAYS + 1)
    assert acme.tenant.id in tenants_with_old_queries()

    forget_queries()

    assert list_files(acme) == [f"{fresh.pk}.png"]
    assert (read(due).file, read(due).size) == ("", 0)
    assert set(QueryLog.objects.values_list("pk", flat=True)) == {fresh.pk, due.pk}
    assert acme.tenant.id not in tenants_with_old_queries()


def test_photos_outlive_the_log_where_the_shop_wishes(acme: Shelf) -> None:
    change_privacy(keep_queries_days=settings.QUERY_LOG_DAYS + 10)
    kept = log(acme)
    age(kept, days=settings.QUERY_LOG_DAYS + 5)
    forget_queries()
    assert list_files(acme) == [f"{kept.pk}.png"]
    assert read(kept).file


def test_photos_go_when_the_shop_turns_keeping_them_off(acme: Shelf) -> None:
    change_privacy(keep_queries_days=7)
    row = log(acme)
    assert acme.tenant.id not in tenants_with_old_queries()
    assert change_privacy(keep_queries_days=None).keep_queries_days is None
    assert acme.tenant.id in tenants_with_old_queries()
    forget_queries()
    assert (list_files(acme), read(row).file) == ([], "")
    log(acme)
    assert list_files(acme) == []


def test_another_shops_photos_stay(acme: Shelf) -> None:
    globex = open_shelf("globex")
    with tenant_scope(globex.tenant.id):
        change_privacy(keep_queries_days=30)
        log(globex)
    change_privacy(keep_queries_days=30)
    age(log(acme), days=31)
    forget_queries()
    assert (list_files(acme), len(list_files(globex))) == ([], 1)


def test_worker_killed_before_it_stores_a_photo_leaves_nothing_that_is_not_forgotten(
    acme: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_privacy(keep_queries_days=1)
    with monkeypatch.context() as killed:
        act_before(killed, retrieval.query_log, "store_file", kill)
        with pytest.raises(Killed):
            log(acme)
    (row,) = QueryLog.objects.all()
    assert row.file
    age(row, days=2)
    forget_queries()
    assert read(row).file == ""


def test_photo_that_is_forgotten_before_it_is_stored_is_not_stored(
    acme: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_privacy(keep_queries_days=1)

    def turn_off() -> None:
        change_privacy(keep_queries_days=None)
        forget_queries()

    act_before(monkeypatch, retrieval.query_log, "_store_photo", once(turn_off))
    log(acme)
    assert list_files(acme) == []


def test_query_of_a_gallery_that_has_gone_is_not_written_down(acme: Shelf) -> None:
    change_privacy(keep_queries_days=1)
    Gallery.objects.filter(pk=acme.gallery.pk).delete()
    row = log_query(gallery_id=acme.gallery.pk, photo=draw_photo(1), answer=UNKNOWN, took_ms=1)
    assert row is None
    assert list_files(acme) == []


def test_storage_that_is_away_leaves_the_row(acme: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    change_privacy(keep_queries_days=1)

    def refuse(*_: object) -> None:
        raise StorageAway("The disk is away.")

    monkeypatch.setattr(retrieval.query_log, "store_file", refuse)
    with pytest.raises(StorageAway):
        log(acme)
    assert QueryLog.objects.get().outcome == "unknown"


def test_deleted_gallery_takes_its_queries_with_it_those_that_come_late_too(
    acme: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_privacy(keep_queries_days=1)
    log(acme)
    late = once(lambda: log(acme))
    act_before(monkeypatch, retrieval.galleries, "_delete_when_empty", late)
    remove_gallery(acme.gallery, tell=lambda _: None)
    assert list_files(acme) == []
    assert not QueryLog.objects.exists()


def test_choice_is_read_and_recorded(acme: Shelf) -> None:
    assert read_privacy().keep_queries_days is None
    change_privacy(keep_queries_days=3)
    assert read_privacy().keep_queries_days == 3
    change_privacy(keep_queries_days=3)
    (event,) = AuditEvent.objects.filter(action="privacy.changed")
    assert (event.before, event.after) == ({"keep_queries_days": None}, {"keep_queries_days": 3})
