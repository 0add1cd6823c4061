"""Photos from strangers: each is taken, or refused with a clear problem and nothing kept."""

import base64
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from api.errors import PROBLEMS
from tests.api.catalog import add_product, make_gallery, wait_indexed
from tests.api.conftest import Stall
from tests.api.photos import draw_photo
from tests.api.pictures import make_bomb, make_oriented, make_unusable, make_unusual
from tests.api.problems import check_problem
from tests.conftest import Service, Shop, wait_until

UNUSABLE = make_unusable()
UNUSUAL = make_unusual()
HOSTILE_NAMES = ["../../../etc/passwd", "..\\x.png", "a\x00b.png", "é" * 300, "x" * 4000, "..", "/"]


def recognize(stall: Stall, photo: bytes, name: str = "query.jpg") -> httpx.Response:
    return stall.shop.http.post(f"{stall.path}/recognize", files={"image": (name, photo)})


def search(stall: Stall, photo: bytes) -> httpx.Response:
    return stall.shop.http.post(f"{stall.path}/search", files={"image": ("query.jpg", photo)})


def send(stall: Stall, *photos: tuple[str, bytes]) -> httpx.Response:
    files = [("images", photo) for photo in photos]
    return stall.shop.http.post(f"{stall.path}/products/{stall.products[0]}/images", files=files)


def list_kept(stall: Stall) -> tuple[int, list[str]]:
    """How many rows and which files the shop has."""
    page = stall.shop.http.get(f"{stall.path}/images", params={"limit": 200}).json()
    folder = Path(settings.MEDIA_ROOT) / str(stall.shop.tenant.id)
    return len(page["results"]), sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def unchanged(stall: Stall) -> Iterator[None]:
    """Nothing is stored by this test, and the worker is alive after it."""
    before = list_kept(stall)
    yield
    assert list_kept(stall) == before
    assert recognize(stall, draw_photo(2)).json()["answer"]["product"]["sku"] == "sku-2"


def test_unusable_file_is_refused_by_upload(stall: Stall, unchanged: None) -> None:
    for name, (data, code) in UNUSABLE.items():
        response = send(stall, ("photo.jpg", data))
        assert check_problem(response) == code, name
        (refusal,) = response.json()["errors"]["images"]
        assert (refusal["filename"], refusal["code"]) == ("photo.jpg", code)


def test_unusable_file_is_refused_by_recognize_and_search(stall: Stall, unchanged: None) -> None:
    for name, (data, code) in UNUSABLE.items():
        assert check_problem(recognize(stall, data)) == code, name
        assert check_problem(search(stall, data)) == code, name


def test_unusable_file_is_refused_in_base64_too(stall: Stall, unchanged: None) -> None:
    for name, (data, code) in UNUSABLE.items():
        body = {"image": base64.b64encode(data).decode()}
        assert check_problem(stall.shop.http.post(f"{stall.path}/recognize", json=body)) == code, name


def test_unusual_pictures_are_recognized(stall: Stall, unchanged: None) -> None:
    for name, data in UNUSUAL.items():
        response = recognize(stall, data, name="wrong-extension.txt")
        assert response.status_code == 200, (name, response.text)
    for name in ("jpeg", "palette png", "alpha png", "webp", "bmp", "16-bit png", "cmyk jpeg"):
        candidates = recognize(stall, UNUSUAL[name]).json()["answer"]["candidates"]
        assert candidates[0]["product"]["sku"] == "sku-1", name


def test_unusual_pictures_are_indexed(acme: Shop) -> None:
    gallery = make_gallery(acme)
    product = add_product(acme, gallery, "one")
    files = [("images", (f"{name}.txt", data)) for name, data in UNUSUAL.items()]
    taken = acme.http.post(f"/v1/galleries/{gallery}/products/{product}/images", files=files)
    assert taken.status_code == 202, taken.text
    kinds = {result["filename"]: result["image"]["content_type"] for result in taken.json()["results"]}
    assert kinds["webp.txt"] == "image/webp"
    assert kinds["cmyk jpeg.txt"] == "image/jpeg"
    assert kinds["still gif.txt"] == "image/gif"
    wait_indexed(acme, gallery, len(UNUSUAL))


def test_orientation_of_a_photo_does_not_change_the_answer(stall: Stall) -> None:
    answers = [recognize(stall, make_oriented(orientation)).json() for orientation in range(1, 9)]
    for answer in answers:
        assert answer["image"] == {"width": 320, "height": 240}
        assert len(answer["regions"]) == len(answers[0]["regions"])
        assert answer["answer"]["candidates"][0]["product"]["sku"] == "sku-1"
        for region, first in zip(answer["regions"], answers[0]["regions"], strict=True):
            assert region["box"] == pytest.approx(first["box"], abs=6)


def test_orientation_of_a_stored_photo_shows_in_its_size(acme: Shop) -> None:
    gallery = make_gallery(acme)
    product = add_product(acme, gallery, "one")
    files = [("images", (f"{number}.jpg", make_oriented(number))) for number in range(1, 9)]
    acme.http.post(f"/v1/galleries/{gallery}/products/{product}/images", files=files)
    wait_indexed(acme, gallery, 8)
    images = acme.http.get(f"/v1/galleries/{gallery}/images").json()["results"]
    assert {(image["width"], image["height"]) for image in images} == {(320, 240)}


def test_photo_of_too_many_bytes_is_refused(stall: Stall, unchanged: None) -> None:
    data = draw_photo(1) + b"\0" * settings.MAX_IMAGE_BYTES
    check_problem(send(stall, ("big.png", data)), "image_too_large")
    check_problem(recognize(stall, data), "image_too_large")


def test_mixed_upload_takes_the_good_and_names_the_bad(acme: Shop) -> None:
    gallery = make_gallery(acme)
    product = add_product(acme, gallery, "one")
    path = f"/v1/galleries/{gallery}/products/{product}/images"
    files = [
        ("images", ("good.png", draw_photo(1))),
        ("images", ("bad.png", b"no picture")),
        ("images", ("bomb.png", make_bomb(12_000, 12_000))),
        ("images", ("again.png", draw_photo(1))),
    ]
    response = acme.http.post(path, files=files)
    assert response.status_code == 202
    good, bad, bomb, again = response.json()["results"]
    assert [result["filename"] for result in (good, bad, bomb, again)] == [name for _, (name, _) in files]
    assert (good["created"], good["error"], good["image"]["state"]) == (True, None, "pending")
    assert (bad["created"], bad["image"], bad["error"]["code"]) == (False, None, "image_unsupported_format")
    assert (bomb["image"], bomb["error"]["code"]) == (None, "image_too_large")
    assert (again["created"], again["image"]["id"]) == (False, good["image"]["id"])
    wait_indexed(acme, gallery, 1)
    assert acme.http.post(path, files=files[:1]).json()["results"][0]["created"] is False


def test_upload_where_all_are_bad_is_a_problem_that_names_each(stall: Stall, unchanged: None) -> None:
    response = send(stall, ("a.txt", b"text"), ("b.png", b""))
    check_problem(response, "image_unsupported_format")
    assert [(entry["filename"], entry["code"]) for entry in response.json()["errors"]["images"]] == [
        ("a.txt", "image_unsupported_format"),
        ("b.png", "image_empty"),
    ]


def test_hostile_filename_is_never_a_path(acme: Shop) -> None:
    gallery = acme.http.post("/v1/galleries", json={"name": "names"}).json()["id"]
    path = f"/v1/galleries/{gallery}/products/{add_product(acme, gallery, 'one')}/images"
    folder = Path(settings.MEDIA_ROOT) / str(acme.tenant.id) / gallery
    taken: set[str] = set()
    for number, name in enumerate(HOSTILE_NAMES):
        response = acme.http.post(path, files={"images": (name, draw_photo(number))})
        if response.status_code == 202:
            image = response.json()["results"][0]["image"]
            assert not set(image["filename"]) & set("/\\\x00")
            taken.add(f"{image['id']}.png")
        else:
            assert check_problem(response) in {"invalid_request", "malformed_body"}
    assert len(taken) >= 4
    assert {stored.name for stored in folder.iterdir()} == taken
    assert [entry.name for entry in folder.parent.iterdir()] == [gallery]


def list_fixtures(shared_data: Path) -> list[Path]:
    files = [path for kind in ("hostile", "exif") for path in (shared_data / "fixtures" / kind).iterdir()]
    assert len(files) > 100
    return sorted(files)


def check_outcome(response: httpx.Response, accepted: int, name: str) -> bool:
    """Whether the file was accepted; if not, that it was refused as it should be."""
    if response.status_code == accepted:
        return True
    code = check_problem(response)
    assert 400 <= PROBLEMS[code][0] < 500, (name, response.text)
    assert code.startswith("image_"), name
    return False


def test_hostile_fixtures_are_recognized_or_refused(stall: Stall, shared_data: Path, unchanged: None) -> None:
    outcomes = {
        path.name: check_outcome(recognize(stall, path.read_bytes(), path.name), 200, path.name)
        for path in list_fixtures(shared_data)
    }
    assert all(taken for name, taken in outcomes.items() if name.startswith("Landscape"))
    assert 30 < sum(outcomes.values()) < 90


def test_hostile_fixtures_are_stored_or_refused(acme: Shop, shared_data: Path, service: Service) -> None:
    gallery = make_gallery(acme)
    product = add_product(acme, gallery, "one")
    path = f"/v1/galleries/{gallery}/products/{product}/images"
    taken: set[str] = set()
    for file in list_fixtures(shared_data):
        response = acme.http.post(path, files={"images": (file.name, file.read_bytes())})
        if check_outcome(response, 202, file.name):
            taken.add(response.json()["results"][0]["image"]["id"])

    def count(state: str) -> int:
        page = acme.http.get(f"/v1/galleries/{gallery}/images", params={"state": state, "limit": 200})
        return len(page.json()["results"])

    wait_until(lambda: count("pending") == 0, "every taken file has ended", 120)
    # What the web server decoded, the worker can decode: nothing that was taken ends as failed.
    assert count("indexed") == len(taken) > 30
    folder = Path(settings.MEDIA_ROOT) / str(acme.tenant.id)
    assert {stored.stem for stored in folder.rglob("*") if stored.is_file()} == taken
    answer = acme.http.post(f"/v1/galleries/{gallery}/recognize", files={"image": draw_photo(1)})
    assert answer.status_code == 200
    assert all(process.poll() is None for process in service.processes.values())
