"""Query photos are kept where the shop wishes, for as long as it wishes."""

from pathlib import Path

import pytest
from django.conf import settings

from tenants.models import QueryLog
from tests.api.catalog import make_gallery
from tests.api.photos import draw_photo
from tests.api.problems import check_problem
from tests.conftest import Shop, wait_until


def recognize(shop: Shop, gallery: str) -> str:
    """The request's id."""
    answer = shop.http.post(f"/v1/galleries/{gallery}/recognize", files={"image": draw_photo(1)})
    assert answer.status_code == 200
    request: str = answer.json()["request_id"]
    return request


def find_row(shop: Shop, request: str) -> QueryLog:
    """What was written down of the recognition, soon after its answer."""
    rows = QueryLog.across_tenants.filter(tenant=shop.tenant, request_id=request)
    wait_until(rows.exists, "the recognition is written down")
    return rows.get()


def test_photos_are_kept_when_the_shop_says_so_and_gone_when_it_says_no(acme: Shop, globex: Shop) -> None:
    nothing = {"keep_queries_days": None, "query_log_days": settings.QUERY_LOG_DAYS}
    assert acme.http.get("/v1/privacy").json() == nothing
    gallery = make_gallery(acme)
    before = find_row(acme, recognize(acme, gallery))
    assert (before.file, before.outcome, before.similarity) == ("", "unknown", None)
    assert before.took_ms > 0

    changed = acme.http.patch("/v1/privacy", json={"keep_queries_days": 30})
    assert (changed.status_code, changed.json()["keep_queries_days"]) == (200, 30)
    assert globex.http.get("/v1/privacy").json() == nothing
    kept = find_row(acme, recognize(acme, gallery))
    file = Path(settings.MEDIA_ROOT) / kept.file
    wait_until(file.is_file, "the photo is stored")
    assert file.read_bytes() == draw_photo(1)

    assert acme.http.patch("/v1/privacy", json={"keep_queries_days": None}).json() == nothing
    wait_until(lambda: not file.exists(), "the photo is removed")
    wait_until(lambda: not QueryLog.across_tenants.get(pk=kept.pk).file, "its row says so")


@pytest.mark.parametrize("days", [0, -1, 4000, 1.5, "long", [], True])
def test_times_that_make_no_sense_are_refused(acme: Shop, days: object) -> None:
    response = acme.http.patch("/v1/privacy", json={"keep_queries_days": days})
    assert check_problem(response) == "invalid_request"
    assert acme.http.get("/v1/privacy").json()["keep_queries_days"] is None


def test_nothing_said_changes_nothing(acme: Shop) -> None:
    acme.http.patch("/v1/privacy", json={"keep_queries_days": 5})
    assert acme.http.patch("/v1/privacy", json={}).json()["keep_queries_days"] == 5
