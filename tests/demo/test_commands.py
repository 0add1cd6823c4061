"""`demo` and `evaluate` through the running service, as a newcomer runs them."""

import json
from io import BytesIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from PIL import Image
from pytest_django import Settings

from tests.api.photos import draw_photo
from tests.conftest import Service

# A folder's name is the product's; people write these.
NAMES = ("Größe 大 1", "plain")


@pytest.fixture
def running(
    service: Service, committed: None, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    """The commands' environment, and a folder for photos."""
    settings.VAR_DIR = tmp_path / "var"
    monkeypatch.setenv("VITRINE_URL", service.url)
    return tmp_path


def save_photo(path: Path, seed: int, tilt: float = 0.0) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.open(BytesIO(draw_photo(seed, tilt))).save(path, quality=92)
    return str(path)


def save_products(folder: Path) -> Path:
    for seed, name in enumerate(NAMES):
        save_photo(folder / name / "front.jpg", seed)
        save_photo(folder / name / "tilted view.jpg", seed, 8)
    return folder


def test_demo_recognises_own_photos_and_creates_nothing_twice(
    running: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = save_products(running / "photos")
    for seed, name in enumerate(NAMES):
        save_photo(running / "queries" / name / "1.jpg", seed, -6)
    asked = {"photos": photos, "queries": running / "queries"}

    call_command("demo", **asked)
    first = capsys.readouterr().out
    call_command("demo", **asked)
    second = capsys.readouterr().out

    assert "2 products created, 4 photos sent, 0 were there already" in first
    assert "best candidate right (recall@1): 2 of 2" in first
    assert "detect" in first
    assert "0 products created, 0 photos sent, 4 were there already" in second


def test_demo_reports_a_broken_photo_and_goes_on(running: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = save_products(running / "photos")
    (photos / "plain" / "broken.jpg").write_bytes(b"not a picture")

    call_command("demo", photos=photos)

    shown = capsys.readouterr().out
    assert "4 photos sent" in shown
    assert "broken.jpg" in shown


def test_demo_fails_when_the_service_does_not_answer(running: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VITRINE_URL")
    with pytest.raises(CommandError, match="VITRINE_URL is not set"):
        call_command("demo", photos=save_products(running / "photos"))


def test_evaluate_measures_known_and_unknown_queries(
    running: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = save_products(running / "my data")
    gallery = [f"{name}/{file},{name},kind" for name in NAMES for file in ("front.jpg", "tilted view.jpg")]
    queries = [f"query/{seed}.jpg,{name},kind" for seed, name in enumerate((*NAMES, "not in the gallery"))]
    for seed in range(3):
        save_photo(data / "query" / f"{seed}.jpg", seed, 5)
    (data / "gallery.csv").write_text("\n".join(["path,label,category", *gallery]), "utf-8-sig")
    (data / "query.csv").write_text("\n".join(["path,label,category", *queries]), "utf-8")
    out = running / "figures" / "out.json"

    call_command("evaluate", data=data, out=out, bare=True)

    figures = json.loads(out.read_text())
    assert figures["search"]["recall_at_1"] == 1.0
    assert figures["recognize"]["recall_at_1"] == 1.0
    assert 0.5 < figures["search"]["mean_average_precision"] <= 1.0
    assert (figures["counts"]["queries_known"], figures["counts"]["queries_unknown"]) == (2, 1)
    assert [each["allowed"] for each in figures["acceptance"]] == [0.01, 0.05]
    assert set(figures["setting"]["models"]) == {"detector", "embedders"}
    ways = figures["ways_of_ranking"]
    assert (ways["queries"], ways["strangers"], ways["ways"][0]["recall_at_1"]) == (2, 1, 1.0)
    assert figures["bare"]["pipeline_minus_bare_points"] == 0
    assert figures["bare"]["setting"]["gallery_settings"]["detect"] is False
    shown = capsys.readouterr().out
    assert "recall@5" in shown
    assert "(recommended)" in shown
    assert "pipeline minus bare: +0.0 points" in shown


def test_evaluate_without_a_known_product_says_so_and_goes_on(
    running: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = running / "strangers only"
    save_photo(data / "front.jpg", 0)
    save_photo(data / "other.jpg", 7)
    (data / "gallery.csv").write_text("path,label,category\nfront.jpg,tea,kind\n", "utf-8")
    (data / "query.csv").write_text("path,label,category\nother.jpg,soap,kind\n", "utf-8")

    call_command("evaluate", data=data)

    shown = " ".join(capsys.readouterr().out.split())
    assert "The service cannot evaluate itself: " in shown
    assert "No photo to ask with" in shown
