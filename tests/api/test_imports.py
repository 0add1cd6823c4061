"""Catalogues through the API: sent, imported, followed row by row, cancelled, tried again."""

import csv
import io
import json
import zipfile
from typing import Any

import pytest

from tests.api.catalog import count_images, make_gallery
from tests.api.measuring import wait_done
from tests.api.photos import draw_photo
from tests.api.problems import check_problem
from tests.api.sending import (
    begin_upload,
    list_items,
    pack,
    send_file,
    start_import,
    wait_ended,
)
from tests.conftest import Shop, wait_until

MANIFEST = """Article,title,image
tea,Green tea,photos/1.png
tea,Green tea,photos/2.png
coffee,Coffee,photos/3.png
coffee,Coffee,photos/3-again.png
cocoa,Cocoa,photos/lost.png
milk,Milk,photos/text.png
,Nothing,photos/1.png
"""


@pytest.fixture
def gallery(acme: Shop) -> str:
    """Acme's gallery, empty."""
    return make_gallery(acme, settings={"index": {"preset": "exact"}})


def pack_catalogue() -> bytes:
    """Seven rows: three photos, one of them twice, one missing, one that is none, one of no product."""
    return pack(
        {
            "manifest.csv": MANIFEST,
            **{f"photos/{seed}.png": draw_photo(seed) for seed in (1, 2, 3)},
            "photos/3-again.png": draw_photo(3),
            "photos/text.png": "This is no picture.",
        }
    )


def pack_folders(count: int) -> bytes:
    """A folder for each product, with a photo in it."""
    return pack({f"sku-{seed}/front.png": draw_photo(seed) for seed in range(count)})


def name_product(shop: Shop, gallery: str, seed: int) -> str | None:
    answer = shop.http.post(
        f"/v1/galleries/{gallery}/recognize",
        files={"image": draw_photo(seed)},
        data={"score_threshold": "-1"},
    )
    assert answer.status_code == 200, answer.text
    product = answer.json()["answer"]["product"]
    return product and str(product["sku"])


def test_catalogue_with_bad_rows_is_imported_and_each_row_told(acme: Shop, gallery: str) -> None:
    upload = send_file(acme, pack_catalogue())
    begun = start_import(acme, gallery, upload=upload, columns={"sku": "Article"})
    assert (begun["kind"], begun["gallery"], begun["retry_of"]) == ("import", gallery, None)
    assert begun["asked"].keys() == {"upload", "directory", "mode", "dry_run", "near_duplicates", "columns"}

    job = wait_ended(acme, begun["id"])

    assert (job["state"], job["code"]) == ("succeeded", ""), job
    assert job["counts"] == {"total": 7, "done": 3, "failed": 3, "skipped": 1, "pending": 0}
    assert job["items_per_second"] > 0
    assert job["seconds_left"] is None
    rows = list_items(acme, job["id"])
    assert [(row["line"], row["sku"], row["state"]) for row in sorted(rows, key=lambda row: row["line"])] == [
        (2, "tea", "indexed"),
        (3, "tea", "indexed"),
        (4, "coffee", "indexed"),
        (5, "coffee", "duplicate"),
        (6, "cocoa", "failed"),
        (7, "milk", "failed"),
        (8, "", "failed"),
    ]
    failed = list_items(acme, job["id"], state="failed")
    assert {row["line"] for row in failed} == {6, 7, 8}
    assert all(row["code"] and row["message"] and row["ended_at"] for row in failed)
    (duplicate,) = list_items(acme, job["id"], state="duplicate")
    (first,) = [row for row in rows if row["line"] == 4]
    assert duplicate["duplicate_of"] == first["image"]
    assert [name_product(acme, gallery, seed) for seed in (1, 2, 3)] == ["tea", "tea", "coffee"]


def read_report(shop: Shop, job: str) -> list[dict[str, str]]:
    answer = shop.http.get(f"/v1/jobs/{job}/report.csv")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="import-{job}.csv"'
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def test_report_and_retry_of_failed_rows_alone(acme: Shop, gallery: str) -> None:
    upload = send_file(acme, pack_catalogue())
    job = wait_ended(acme, start_import(acme, gallery, upload=upload, columns={"sku": "Article"})["id"])
    report = read_report(acme, job["id"])
    assert [row["state"] for row in sorted(report, key=lambda row: int(row["line"]))] == [
        *["indexed"] * 3,
        "duplicate",
        *["failed"] * 3,
    ]
    taken = acme.http.post(f"/v1/jobs/{job['id']}/retry")
    assert taken.status_code == 202
    assert taken.headers["Location"] == f"/v1/jobs/{taken.json()['id']}"
    again = wait_ended(acme, taken.json()["id"])
    assert again["retry_of"] == job["id"]
    assert again["counts"] == {"total": 3, "done": 0, "failed": 3, "skipped": 0, "pending": 0}
    assert {row["line"] for row in list_items(acme, again["id"])} == {6, 7, 8}
    assert wait_ended(acme, job["id"])["counts"] == job["counts"]


def test_file_of_a_form_is_imported_with_its_options(acme: Shop, gallery: str) -> None:
    files = {"file": ("shop.zip", pack_catalogue())}
    data = {"columns": json.dumps({"sku": "Article"}), "dry_run": "true", "near_duplicates": ""}
    taken = acme.http.post(f"/v1/galleries/{gallery}/imports", files=files, data=data)
    assert taken.status_code == 202, taken.text
    job = wait_ended(acme, taken.json()["id"])
    assert job["state"] == "succeeded", job
    assert {row["state"] for row in list_items(acme, job["id"])} <= {"planned", "failed"}
    assert acme.http.get(f"/v1/galleries/{gallery}/products").json()["results"] == []


def test_photos_by_url_need_the_operators_leave(acme: Shop, gallery: str) -> None:
    photos = [{"sku": "tea", "image": "https://example.com/tea.jpg", "title": "Tea"}]
    job = wait_ended(acme, start_import(acme, gallery, photos=photos)["id"])
    assert (job["state"], job["code"]) == ("failed", "no_usable_rows")
    (row,) = list_items(acme, job["id"])
    assert (row["state"], row["code"]) == ("failed", "urls_not_allowed")
    assert row["message"]


def test_directory_needs_the_operators_leave(acme: Shop, gallery: str) -> None:
    job = wait_ended(acme, start_import(acme, gallery, directory="/etc")["id"])
    assert job["state"] == "failed"
    assert job["code"] in {"source_not_allowed", "source_not_found"}


def test_file_that_is_no_catalogue_ends_the_job_with_the_reason(acme: Shop, gallery: str) -> None:
    files = {"file": ("shop.zip", b"PK\x03\x04 and then nothing of a kind")}
    taken = acme.http.post(f"/v1/galleries/{gallery}/imports", files=files)
    job = wait_ended(acme, taken.json()["id"])
    assert (job["state"], job["code"]) == ("failed", "archive_damaged")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"upload": "abc"},
        {"upload": None},
        {"directory": "a", "photos": [{}]},
        {"photos": []},
        {"photos": "tea.jpg"},
        {"photos": ["tea.jpg"]},
        {"photos": [{}] * 10_001},
        {"directory": "a", "mode": "merge"},
        {"directory": "a", "near_duplicates": 8},
        {"directory": "a", "near_duplicates": "many"},
        {"directory": "a", "columns": {"colour": "Farbe"}},
        {"directory": "a", "columns": ["sku"]},
        {"directory": "a", "dry_run": "perhaps"},
        {"directory": "a\x00"},
    ],
    ids=lambda body: ",".join(body) or "nothing",
)
def test_import_that_cannot_be_is_refused(acme: Shop, gallery: str, body: dict[str, Any]) -> None:
    refused = acme.http.post(f"/v1/galleries/{gallery}/imports", json=body)
    check_problem(refused, "invalid_request")
    assert acme.http.get("/v1/jobs", params={"kind": "import"}).json()["results"] == []


def test_form_that_cannot_be_is_refused(acme: Shop, gallery: str) -> None:
    path = f"/v1/galleries/{gallery}/imports"
    file = {"file": ("shop.csv", b"sku,image\n")}
    check_problem(acme.http.post(path, files={"other": b"x"}), "invalid_request")
    for columns in ("{", "[]", '{"colour": "Farbe"}', "[" * 3000):
        check_problem(acme.http.post(path, files=file, data={"columns": columns}), "invalid_request")
    check_problem(acme.http.post(path, files={"file": ("shop.csv", b"")}), "upload_empty")
    check_problem(acme.http.post(path, content=b"sku,image\n"), "unsupported_media_type")
    assert acme.http.get("/v1/uploads").json()["results"] == []


def test_upload_that_is_not_whole_is_not_imported(acme: Shop, gallery: str) -> None:
    upload = begin_upload(acme, b"x" * 100).rpartition("/")[2]
    refused = acme.http.post(f"/v1/galleries/{gallery}/imports", json={"upload": upload})
    check_problem(refused, "upload_not_complete")


def test_cancelled_import_keeps_what_is_done_and_ends_every_row(acme: Shop, gallery: str) -> None:
    job = start_import(acme, gallery, upload=send_file(acme, pack_folders(80)))["id"]
    wait_until(lambda: count_images(acme, gallery, "indexed") > 0, "the first photo is indexed")
    cancelled = acme.http.post(f"/v1/jobs/{job}/cancel")
    assert cancelled.status_code == 200, cancelled.text
    assert (cancelled.json()["state"], cancelled.json()["code"]) == ("cancelled", "cancelled")
    check_problem(acme.http.post(f"/v1/jobs/{job}/cancel"), "job_finished")

    wait_until(lambda: count_images(acme, gallery, "pending") == 0, "no photo waits any more")

    rows = list_items(acme, job)
    indexed = [row for row in rows if row["state"] == "indexed"]
    assert {row["state"] for row in rows} == {"indexed", "failed"}
    assert {row["code"] for row in rows if row["state"] == "failed"} == {"cancelled"}
    assert len(indexed) == count_images(acme, gallery, "indexed") > 0
    counts = acme.http.get(f"/v1/jobs/{job}").json()["counts"]
    assert counts == {
        "total": 80,
        "done": len(indexed),
        "failed": 80 - len(indexed),
        "skipped": 0,
        "pending": 0,
    }
    again = wait_ended(acme, acme.http.post(f"/v1/jobs/{job}/retry").json()["id"])
    assert again["counts"]["done"] == 80 - len(indexed)
    assert count_images(acme, gallery, "indexed") == 80


def test_exported_gallery_is_downloaded_and_imported_back(acme: Shop, gallery: str) -> None:
    first = start_import(acme, gallery, upload=send_file(acme, pack_folders(3)))["id"]
    assert wait_ended(acme, first)["counts"]["done"] == 3
    job = wait_done(acme, acme.http.post(f"/v1/galleries/{gallery}/exports"))
    answer = acme.http.get(f"/v1/jobs/{job['id']}/archive")
    assert answer.headers["Content-Type"] == "application/zip"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert ".zip" in answer.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
    other = make_gallery(acme, settings={"index": {"preset": "exact"}})
    taken = acme.http.post(
        f"/v1/galleries/{other}/imports", files={"file": ("shelf.zip", answer.content)}
    ).json()
    assert wait_ended(acme, taken["id"])["counts"]["done"] == 3
    assert [name_product(acme, other, seed) for seed in range(3)] == ["sku-0", "sku-1", "sku-2"]
