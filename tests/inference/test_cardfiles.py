import json
from pathlib import Path
from typing import Any

import pytest

from inference.builtin import RECIPES
from inference.cardfiles import parse_card, read_card_file
from inference.cards import DetectorCard, EmbedderCard, describe_card
from inference.errors import CardInvalid
from tests.inference.graphs import describe_embedder, describe_rows_detector

TOML = """
kind = "embedder"
name = "mine"
file = "mine.onnx"
licence = "MIT"
source = "my own"
output = "y"
dim = 8
[input]
name = "x"
width = 32
height = 16
mean = [0, 0, 0]
std = [1, 1, 1]
divisor = "max"
"""


def test_read_card_file_takes_toml_and_json(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text(TOML)
    card = read_card_file(tmp_path / "card.toml")
    assert isinstance(card, EmbedderCard)
    assert (card.dim, card.input.width, card.input.height, card.input.divisor) == (8, 32, 16, None)
    (tmp_path / "card.json").write_text(json.dumps(describe_rows_detector()))
    detector = read_card_file(tmp_path / "card.json")
    assert isinstance(detector, DetectorCard)
    assert (detector.input_convention, detector.output_convention) == ("image_and_scale", "rows")
    assert detector.labels == ("product", "shelf")


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_parse_card_reads_back_what_describe_card_says(name: str) -> None:
    card = RECIPES[name].card
    assert parse_card(json.loads(json.dumps(describe_card(card))), where="here") == card


def test_parse_card_reads_back_a_card_that_emits_codes() -> None:
    card = parse_card(describe_embedder(emits="codes", code_threshold=0.5), where="here")
    assert isinstance(card, EmbedderCard)
    assert (card.emits, card.code_threshold) == ("codes", 0.5)
    assert parse_card(json.loads(json.dumps(describe_card(card))), where="here") == card


def test_parse_card_takes_an_embedder_for_one_of_vectors_unless_told() -> None:
    card = parse_card(describe_embedder(), where="here")
    assert isinstance(card, EmbedderCard)
    assert (card.emits, card.code_threshold) == ("vector", 0.0)


def change_input(**changes: object) -> dict[str, Any]:
    card = describe_embedder()
    return {**card, "input": {**card["input"], **changes}}


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (describe_embedder(kind="segmenter"), "kind must be one of detector, embedder"),
        (describe_embedder(name="Has Spaces"), "name must be lower-case"),
        (describe_embedder(name="../../etc"), "name must be lower-case"),
        (describe_embedder(dim=0), "dim must be a whole number from 2"),
        (describe_embedder(dim=True), "dim must be a whole number"),
        (describe_embedder(dimension=5), "dimension is not a field"),
        (describe_embedder(sha256="abc"), "sha256 must be 64"),
        (describe_embedder(input=[]), "input. must be a table"),
        (change_input(mean=[1, 2]), "input.mean must be three numbers"),
        (change_input(std=[1, 0, 1]), "input.std must be above 0"),
        (change_input(std=[1, float("nan"), 1]), "input.std must be three numbers"),
        (change_input(widht=5), "input.widht is not a field"),
        (change_input(interpolation="lanczos"), "input.interpolation must be one of area, linear, cubic"),
        (change_input(divisor=0), "input.divisor must be a number above 0"),
        (
            describe_rows_detector(output_convention="masks"),
            "output_convention must be one of saliency, rows",
        ),
        (describe_rows_detector(labels="product"), "labels must be a list"),
        (
            describe_rows_detector(saliency={"threshold": 3}),
            "saliency.threshold must be a number from 0 to 1",
        ),
        ({key: value for key, value in describe_embedder().items() if key != "output"}, "output is missing"),
        (describe_embedder(emits="bits"), "emits must be one of vector, codes"),
        (describe_embedder(emits="codes", code_threshold="half"), "code_threshold must be a number"),
        (describe_embedder(emits="codes", code_threshold=float("nan")), "code_threshold must be a number"),
        (describe_embedder(code_threshold=0.5), "code_threshold is only for a card that emits codes"),
        ("a text", "a card must be a table"),
    ],
)
def test_parse_card_names_the_field_and_the_problem(data: object, complaint: str) -> None:
    with pytest.raises(CardInvalid, match=r"^my card: ") as caught:
        parse_card(data, where="my card")
    assert complaint in str(caught.value)


def test_parse_card_wants_rows_one_picture_at_a_time() -> None:
    data = describe_rows_detector()
    data["input"] = {**data["input"], "batch": 4}
    with pytest.raises(CardInvalid, match=r"input\.batch must be 1"):
        parse_card(data, where="my card")


@pytest.mark.parametrize("text", ["{", "name = ", "\xff"])
def test_read_card_file_names_a_file_it_cannot_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(CardInvalid, match=r"broken\.toml cannot be read"):
        read_card_file(path)
    with pytest.raises(CardInvalid, match=r"missing\.toml cannot be read"):
        read_card_file(tmp_path / "missing.toml")
