"""From a photograph to a product, through every real part."""

import base64

import httpx

from tests.api.catalog import add_product, make_gallery, upload, wait_indexed
from tests.api.photos import draw_photo
from tests.conftest import Shop


def test_recognize_names_the_product_of_a_photo(acme: Shop) -> None:
    gallery = make_gallery(acme)
    for seed in (1, 2, 3):
        product = add_product(acme, gallery, f"sku-{seed}")
        upload(acme, gallery, product, draw_photo(seed), draw_photo(seed, tilt=7))
    wait_indexed(acme, gallery, 6)

    answer = acme.http.post(
        f"/v1/galleries/{gallery}/recognize", files={"image": draw_photo(2, tilt=3)}
    ).json()

    assert answer["answer"]["outcome"] == "product"
    assert answer["answer"]["product"]["sku"] == "sku-2"
    assert {"decode", "detect", "embed", "search", "total"} <= answer["timings_ms"].keys()
    assert answer["model"]["embedders"]
    assert answer["index"] == {"generation": 1}
    for region in answer["regions"]:
        x1, y1, x2, y2 = region["box"]
        assert 0 <= x1 < x2 <= answer["image"]["width"]
        assert 0 <= y1 < y2 <= answer["image"]["height"]


def test_recognize_takes_base64_and_answers_the_same(acme: Shop) -> None:
    gallery = make_gallery(acme)
    upload(acme, gallery, add_product(acme, gallery, "one"), draw_photo(1))
    wait_indexed(acme, gallery, 1)
    photo = draw_photo(1, tilt=5)

    multipart = acme.http.post(f"/v1/galleries/{gallery}/recognize", files={"image": photo}).json()
    encoded = {"image": base64.b64encode(photo).decode()}
    json_body = acme.http.post(f"/v1/galleries/{gallery}/recognize", json=encoded).json()

    assert json_body["answer"] == multipart["answer"]
    assert json_body["regions"] == multipart["regions"]


def test_recognize_finds_an_image_the_moment_it_is_indexed(acme: Shop) -> None:
    gallery = make_gallery(acme)
    for seed in range(5):
        photo = draw_photo(100 + seed)
        upload(acme, gallery, add_product(acme, gallery, f"sku-{seed}"), photo)
        wait_indexed(acme, gallery, seed + 1)

        answer = acme.http.post(f"/v1/galleries/{gallery}/recognize", files={"image": photo}).json()

        assert answer["answer"]["candidates"][0]["product"]["sku"] == f"sku-{seed}"
        assert answer["answer"]["score"] > 0.999


def test_recognize_in_an_empty_gallery_says_unknown_and_why(acme: Shop) -> None:
    gallery = make_gallery(acme)

    answer = acme.http.post(f"/v1/galleries/{gallery}/recognize", files={"image": draw_photo(1)}).json()

    verdict = answer["answer"]
    assert (verdict["outcome"], verdict["reason"]) == ("unknown", "empty_gallery")
    assert (verdict["product"], verdict["score"], verdict["category"], verdict["candidates"]) == (
        None,
        None,
        None,
        [],
    )


def test_recognize_below_the_threshold_names_the_best_rejected_candidate(acme: Shop) -> None:
    gallery = make_gallery(acme)
    upload(acme, gallery, add_product(acme, gallery, "one"), draw_photo(1))
    wait_indexed(acme, gallery, 1)

    response = acme.http.post(
        f"/v1/galleries/{gallery}/recognize",
        files={"image": draw_photo(2)},
        data={"score_threshold": "0.9999"},
    )

    answer = response.json()["answer"]
    assert (answer["outcome"], answer["reason"]) == ("unknown", "below_threshold")
    assert answer["product"] is None
    assert answer["candidates"][0]["product"]["sku"] == "one"


def test_recognize_options_bound_candidates_and_regions(acme: Shop) -> None:
    gallery = make_gallery(acme)
    for seed in (1, 2, 3):
        upload(acme, gallery, add_product(acme, gallery, f"sku-{seed}"), draw_photo(seed))
    wait_indexed(acme, gallery, 3)

    response = acme.http.post(
        f"/v1/galleries/{gallery}/recognize",
        files={"image": draw_photo(1)},
        data={"top_k": "2", "detect": "false"},
    )

    answer = response.json()
    assert len(answer["answer"]["candidates"]) == 2
    assert [region["source"] for region in answer["regions"]] == ["whole"]


def test_search_answers_nearest_images_in_order(acme: Shop) -> None:
    gallery = make_gallery(acme)
    for seed in (1, 2, 3):
        upload(
            acme, gallery, add_product(acme, gallery, f"sku-{seed}"), draw_photo(seed), draw_photo(seed, 9)
        )
    wait_indexed(acme, gallery, 6)

    response: httpx.Response = acme.http.post(
        f"/v1/galleries/{gallery}/search", files={"image": draw_photo(3)}, data={"top_k": "6"}
    )

    matches = response.json()["matches"]
    assert [match["product"]["sku"] for match in matches[:2]] == ["sku-3", "sku-3"]
    scores = [match["score"] for match in matches]
    assert scores == sorted(scores, reverse=True)
    assert len({match["image_id"] for match in matches}) == 6


def test_deleted_image_and_product_are_gone_from_the_next_search(acme: Shop) -> None:
    gallery = make_gallery(acme)
    kept, dropped = add_product(acme, gallery, "kept"), add_product(acme, gallery, "dropped")
    upload(acme, gallery, kept, draw_photo(1))
    first, second = upload(acme, gallery, dropped, draw_photo(2), draw_photo(2, 9))
    wait_indexed(acme, gallery, 3)

    def found() -> set[str]:
        files = {"image": draw_photo(2)}
        matches = acme.http.post(f"/v1/galleries/{gallery}/search", files=files).json()["matches"]
        return {match["image_id"] for match in matches}

    assert {first, second} < found()
    assert acme.http.delete(f"/v1/galleries/{gallery}/images/{first}").status_code == 204
    assert first not in found()
    assert acme.http.delete(f"/v1/galleries/{gallery}/products/{dropped}").status_code == 204
    assert second not in found()
    assert len(found()) == 1
