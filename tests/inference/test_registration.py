import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from inference.analysis import Analyser, AnalysisOptions, load_detector, load_embedder
from inference.binarizer import Binarizer, unpack_codes
from inference.catalogue import Catalogue
from inference.detector import MainBodyDetector
from inference.embedder import Embedder
from inference.errors import CardInvalid, ModelUnknown, SessionRefused
from inference.sessions import SessionOptions, open_session
from tests.inference.graphs import (
    describe_embedder,
    describe_rows_detector,
    describe_saliency_detector,
    save_embedder,
    save_rows_detector,
    save_saliency_detector,
)
from tests.inference.pictures import draw_bodies

F32 = SessionOptions(precision="f32")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_rows_detector(tmp_path / "rows.onnx")
    save_saliency_detector(tmp_path / "saliency.onnx")
    save_embedder(tmp_path / "embedder.onnx")
    return tmp_path


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue(tmp_path / "models")


def add(catalogue: Catalogue, folder: Path, card: dict[str, Any]) -> str:
    path = folder / f"{card['name']}.json"
    path.write_text(json.dumps(card))
    return catalogue.add(path, session=F32).name


def test_add_makes_a_rows_detector_usable(catalogue: Catalogue, folder: Path) -> None:
    card = catalogue.detector(add(catalogue, folder, describe_rows_detector()))
    detector = MainBodyDetector(card, open_session(catalogue.locate(card), F32))
    (found,) = detector.detect([np.zeros((320, 1280, 3), np.uint8)])
    # Network pixels (64, 128, 320, 512) of 640 are twice as wide and half as high in 1280 x 320.
    assert found[0].box.as_tuple() == pytest.approx((128, 64, 640, 256), abs=0.01)
    assert found[0].label == "product"
    assert found[0].score == pytest.approx(0.9)
    assert found[1].box.as_tuple() == pytest.approx((0, 300, 1280, 320), abs=0.01)
    assert (found[1].label, len(found)) == ("shelf", 2)


def test_add_makes_a_saliency_detector_usable(catalogue: Catalogue, folder: Path) -> None:
    card = catalogue.detector(add(catalogue, folder, describe_saliency_detector()))
    detector = MainBodyDetector(card, open_session(catalogue.locate(card), F32))
    pictures = [np.zeros((100, 200, 3), np.uint8) for _ in range(3)]
    pictures[0][25:75, 50:100, 0] = 255
    pictures[2][0:50, 150:200, 0] = 200
    found = detector.detect(pictures)
    assert [len(bodies) for bodies in found] == [1, 0, 1]
    assert found[0][0].box.as_tuple() == pytest.approx((50, 25, 100, 75), abs=5)
    assert found[2][0].box.as_tuple() == pytest.approx((150, 0, 200, 50), abs=5)


def test_add_makes_an_embedder_usable(catalogue: Catalogue, folder: Path) -> None:
    card = catalogue.embedder(add(catalogue, folder, describe_embedder()))
    embedder = Embedder(card, open_session(catalogue.locate(card), F32))
    vectors = embedder.embed([draw_bodies((50, 50, 200, 200)), draw_bodies((9, 9, 99, 290))])
    assert vectors.shape == (2, 512)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1], abs=1e-5)


@pytest.mark.parametrize(("head", "threshold"), [("Identity", 0.0), ("Tanh", 0.0), ("Sigmoid", 0.5)])
def test_add_makes_a_hashing_embedder_usable(
    head: str, threshold: float, catalogue: Catalogue, tmp_path: Path
) -> None:
    pictures = [draw_bodies((50, 50, 200, 200)), draw_bodies((9, 9, 99, 290))]
    save_embedder(tmp_path / "embedder.onnx", dim=60)
    add(catalogue, tmp_path, describe_embedder(dim=60))
    plain = load_embedder(tmp_path / "models", "my_embedder", F32).embed(pictures)

    save_embedder(tmp_path / "embedder.onnx", dim=60, head=head)
    card = describe_embedder(dim=60, name="hashing", emits="codes", code_threshold=threshold)
    vectors = load_embedder(tmp_path / "models", add(catalogue, tmp_path, card), F32).embed(pictures)

    assert vectors.shape == (2, 60)
    assert vectors.dtype == np.float32
    assert np.abs(vectors) == pytest.approx(np.full((2, 60), 60**-0.5))
    assert 0 < (vectors > 0).mean() < 1
    assert np.array_equal(vectors > 0, plain > 0)
    own_bits = Binarizer(np.zeros(60, np.float32), None, "sign").encode(vectors)
    assert np.array_equal(unpack_codes(own_bits, 60), vectors)


def test_add_refuses_a_threshold_that_no_output_passes(catalogue: Catalogue, folder: Path) -> None:
    save_embedder(folder / "embedder.onnx", head="Sigmoid")
    with pytest.raises(
        CardInvalid, match=r"all on one side of code_threshold = 0\..* sigmoid head wants 0\.5"
    ):
        add(catalogue, folder, describe_embedder(emits="codes"))


def test_added_models_work_together(catalogue: Catalogue, folder: Path) -> None:
    names = [add(catalogue, folder, card) for card in (describe_rows_detector(), describe_embedder())]
    models = folder / "models"
    analyser = Analyser(load_detector(models, names[0], F32), [load_embedder(models, names[1], F32)])
    (analysis,) = analyser.analyse([draw_bodies((50, 50, 200, 200))], AnalysisOptions(score_threshold=0.3))
    assert [region.source for region in analysis.regions] == ["detected", "detected", "whole"]
    assert [region.label for region in analysis.regions] == ["product", "shelf", None]


@pytest.mark.parametrize(
    ("card", "complaint"),
    [
        (
            describe_rows_detector(input_convention="image"),
            "gives image, the graph wants im_shape, image, scale_factor",
        ),
        (describe_saliency_detector(input_convention="image_and_scale"), "the graph wants picture"),
        (describe_rows_detector(output="boxes"), "no output 'boxes'; it has rows"),
        (describe_embedder(dim=256), r"is [1, 512], the card says (batch, dim) = [1, 256]"),
        (describe_rows_detector(output_convention="saliency"), "not one map a picture"),
        (
            describe_saliency_detector(
                output_convention="rows", input={**describe_saliency_detector()["input"], "batch": 1}
            ),
            "not rows of six",
        ),
        (describe_embedder(input={**describe_embedder()["input"], "width": 256}), r"[1, 3, 224, 256]"),
        (
            describe_embedder(input={**describe_embedder()["input"], "name": "y"}),
            "gives y, the graph wants x",
        ),
        (describe_embedder(file="absent.onnx"), "cannot be read"),
        (describe_embedder(name="efficientnet_lite2"), "belongs to a built-in model"),
        (describe_embedder(sha256="0" * 64), "the card"),
    ],
)
def test_add_says_what_is_wrong_and_keeps_nothing(
    card: dict[str, Any], complaint: str, catalogue: Catalogue, folder: Path
) -> None:
    with pytest.raises(CardInvalid) as caught:
        add(catalogue, folder, card)
    assert complaint in str(caught.value)
    assert not (folder / "models" / "cards").exists()


def test_add_refuses_what_is_no_graph(catalogue: Catalogue, folder: Path) -> None:
    (folder / "embedder.onnx").write_bytes(b"not a graph at all")
    with pytest.raises((CardInvalid, SessionRefused), match=r"embedder\.onnx"):
        add(catalogue, folder, describe_embedder())


def test_add_refuses_weights_in_other_files(catalogue: Catalogue, folder: Path) -> None:
    model = onnx.load(folder / "embedder.onnx")
    onnx.save(
        model, folder / "embedder.onnx", save_as_external_data=True, size_threshold=0, location="weights.bin"
    )
    with pytest.raises(CardInvalid, match="other files"):
        add(catalogue, folder, describe_embedder())


def test_add_twice_changes_nothing(catalogue: Catalogue, folder: Path) -> None:
    add(catalogue, folder, describe_embedder())
    before = catalogue.cards()
    add(catalogue, folder, describe_embedder())
    assert catalogue.cards() == before


def test_add_refuses_another_model_under_the_same_name(catalogue: Catalogue, folder: Path) -> None:
    add(catalogue, folder, describe_embedder())
    save_embedder(folder / "embedder.onnx", dim=64)
    with pytest.raises(CardInvalid, match="another name"):
        add(catalogue, folder, describe_embedder(dim=64))
    assert catalogue.embedder("my_embedder").dim == 512


def test_catalogue_names_what_there_is(catalogue: Catalogue, folder: Path) -> None:
    add(catalogue, folder, describe_embedder())
    with pytest.raises(ModelUnknown, match="my_embedder"):
        catalogue.embedder("ppshitu_like")
    with pytest.raises(ModelUnknown, match="u2netp_256"):
        catalogue.detector("my_embedder")
