import json
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from inference.catalogue import DEFAULT_EMBEDDER, Catalogue
from inference.sessions import SessionOptions
from retrieval.analysers import ModelMissing
from retrieval.model_choice import settle_settings
from tenants.errors import InvalidSettings
from tests.inference.graphs import describe_embedder, save_embedder

CODES = {"representation": "binary", "projection": "none"}


@pytest.fixture
def hashing(tmp_path: Path, settings: Settings) -> str:
    """The name of an installed model that emits codes itself, beside the built-in ones."""
    settings.EMBEDDER = ""
    settings.MODELS_DIR = tmp_path / "models"
    save_embedder(tmp_path / "embedder.onnx", dim=64, head="Tanh")
    card = tmp_path / "card.json"
    card.write_text(json.dumps(describe_embedder(name="hashing", dim=64, emits="codes")))
    return Catalogue(settings.MODELS_DIR).add(card, session=SessionOptions(precision="f32")).name


def settle(index: dict[str, Any], said: dict[str, Any] | None = None) -> dict[str, Any]:
    settled: dict[str, Any] = settle_settings(said={"index": said} if said else {}, change={"index": index})[
        "index"
    ]
    return settled


def test_gallery_without_an_embedder_keeps_the_default_of_its_first_day(settings: Settings) -> None:
    settings.EMBEDDER = "efficientnet_lite0"
    said = settle_settings(said={}, change={"detect": False})
    assert said == {"detect": False, "index": {"embedders": ["efficientnet_lite0"]}}
    settings.EMBEDDER = "efficientnet_lite2"
    assert settle_settings(said=said, change={"margin": 0.1})["index"] == said["index"]
    assert settle_settings(said=said, change={"index": {"embedders": None}})["index"] == {
        "embedders": ["efficientnet_lite2"]
    }


@pytest.mark.parametrize("embedders", [["no_such_model"], [DEFAULT_EMBEDDER, "no_such_model"]])
def test_unknown_embedder_is_refused_with_those_that_there_are(embedders: list[str]) -> None:
    with pytest.raises(ModelMissing, match=rf"no embedder 'no_such_model'.*{DEFAULT_EMBEDDER}"):
        settle({"embedders": embedders})


def test_model_gone_since_does_not_stop_other_settings_from_changing() -> None:
    said = {"index": {"embedders": ["no_such_model"]}}
    assert settle_settings(said=said, change={"margin": 0.1}) == {**said, "margin": 0.1}
    with pytest.raises(ModelMissing):
        settle_settings(said=said, change={"index": {"preset": "exact"}})


def test_model_that_emits_codes_is_taken_alone_as_bits(hashing: str) -> None:
    index = {"embedders": [hashing], **CODES}
    assert settle(index) == index
    assert settle(CODES, {"embedders": [DEFAULT_EMBEDDER]}) == {"embedders": [DEFAULT_EMBEDDER], **CODES}


@pytest.mark.parametrize(
    "index",
    [
        {},
        {"representation": "binary"},
        {"representation": "hybrid", "projection": "none"},
        {"projection": "none"},
    ],
)
def test_model_that_emits_codes_is_refused_where_there_are_floats(
    hashing: str, index: dict[str, Any]
) -> None:
    with pytest.raises(InvalidSettings, match="Set representation to binary and projection to none"):
        settle({"embedders": [hashing], **index})


@pytest.mark.parametrize("fusion", ["late", "early"])
def test_model_that_emits_codes_is_refused_beside_another(hashing: str, fusion: str) -> None:
    with pytest.raises(InvalidSettings, match=f"{hashing} emits binary codes.*alone"):
        settle({"embedders": [DEFAULT_EMBEDDER, hashing], "fusion": fusion, **CODES})


def test_gallery_of_codes_cannot_be_made_floats_without_another_model(hashing: str) -> None:
    said = {"embedders": [hashing], **CODES}
    with pytest.raises(InvalidSettings, match="emits binary codes"):
        settle({"preset": "fast"}, said)
    other = {"preset": "fast", "embedders": [DEFAULT_EMBEDDER]}
    assert settle(other, said) == {"projection": "none", **other}
