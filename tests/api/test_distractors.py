"""Photos kept beside the references, as shops send and remove them."""

import pytest

from tests.api.catalog import add_product, make_gallery
from tests.api.measuring import add_distractors, add_queries
from tests.api.photos import draw_photo
from tests.api.problems import check_problem
from tests.conftest import Shop


def test_distractors_are_taken_looked_at_listed_and_deleted(acme: Shop) -> None:
    first, second = add_distractors(acme, draw_photo(1), draw_photo(2))
    listed = acme.http.get("/v1/distractors", params={"state": "indexed"}).json()["results"]
    assert [row["id"] for row in listed] == [second, first]
    assert acme.http.get("/v1/distractors", params={"state": "failed"}).json()["results"] == []
    read = acme.http.get(f"/v1/distractors/{first}").json()
    assert (read["state"], read["filename"], read["failure"]) == ("indexed", "d0.png", None)
    assert acme.http.delete(f"/v1/distractors/{first}").status_code == 204
    check_problem(acme.http.get(f"/v1/distractors/{first}"), "distractor_not_found")
    check_problem(acme.http.delete(f"/v1/distractors/{first}"), "distractor_not_found")


def test_same_distractor_again_is_the_one_that_is_there(acme: Shop) -> None:
    (first,) = add_distractors(acme, draw_photo(1))
    again = acme.http.post("/v1/distractors", files={"images": ("other.png", draw_photo(1))}).json()
    assert [(row["created"], row["image"]["id"]) for row in again["results"]] == [(False, first)]


def test_file_that_is_no_picture_is_refused_beside_one_that_is(acme: Shop) -> None:
    files = [("images", ("a.png", draw_photo(1))), ("images", ("b.png", b"no picture"))]
    taken = acme.http.post("/v1/distractors", files=files)
    assert taken.status_code == 202
    fine, refused = taken.json()["results"]
    assert (fine["error"], refused["image"]) == (None, None)
    assert refused["error"]["code"] == "image_unsupported_format"
    assert taken.headers["Location"] == f"/v1/jobs/{taken.json()['job']}"


def test_upload_without_a_usable_file_is_a_problem(acme: Shop) -> None:
    gallery = make_gallery(acme)
    for path in ("/v1/distractors", f"/v1/galleries/{gallery}/labelled-queries"):
        check_problem(acme.http.post(path, files={"other": draw_photo(1)}), "invalid_request")
        check_problem(acme.http.post(path, files={"images": b"no picture"}), "image_unsupported_format")
        assert acme.http.get(path).json()["results"] == []


def test_labelled_queries_say_whether_their_sku_is_known(acme: Shop) -> None:
    gallery = make_gallery(acme)
    add_product(acme, gallery, "tea")
    for sku, known in (("tea", True), ("coffee", False), ("", False)):
        (query,) = add_queries(acme, gallery, sku, draw_photo(len(sku)))
        read = acme.http.get(f"/v1/galleries/{gallery}/labelled-queries/{query}").json()
        assert (read["sku"], read["sku_known"], read["state"]) == (sku, known, "indexed")


def test_labelled_query_sent_again_has_the_last_sku(acme: Shop) -> None:
    gallery = make_gallery(acme)
    (first,) = add_queries(acme, gallery, "tea", draw_photo(1))
    assert add_queries(acme, gallery, "coffee", draw_photo(1)) == [first]
    path = f"/v1/galleries/{gallery}/labelled-queries"
    assert [row["sku"] for row in acme.http.get(path).json()["results"]] == ["coffee"]
    assert acme.http.delete(f"{path}/{first}").status_code == 204
    assert acme.http.get(path).json()["results"] == []


@pytest.mark.parametrize("sku", ["x" * 101, "a\x00b"])
def test_sku_that_no_product_can_have_is_refused(acme: Shop, sku: str) -> None:
    path = f"/v1/galleries/{make_gallery(acme)}/labelled-queries"
    refused = acme.http.post(path, files={"images": draw_photo(1)}, data={"sku": sku})
    check_problem(refused, "invalid_request")
    assert "sku" in refused.json()["detail"]
