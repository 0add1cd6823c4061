from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from inference.builtin import RECIPES
from inference.catalogue import Catalogue
from inference.checkpoint import read_checkpoint
from inference.efficientnet import LiteShape, convert_efficientnet, pad_same
from inference.errors import ModelCorrupt
from inference.preprocess import prepare_image
from inference.probe import draw_probe
from inference.sessions import SessionOptions, open_session
from tests.inference import reference_net

VARIANTS = {"efficientnet_lite2": reference_net.LITE2, "efficientnet_lite0": reference_net.LITE0}


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_convert_efficientnet_equals_a_plain_forward_pass(
    name: str, models_dir: Path, fetch_weights: Callable[[str], bytes]
) -> None:
    catalogue = Catalogue(models_dir)
    card = catalogue.embedder(name)
    image = prepare_image(draw_probe(), card.input)
    tensors = {
        key: value.astype(np.float64) for key, value in read_checkpoint(BytesIO(fetch_weights(name))).items()
    }
    expected = reference_net.describe(tensors, image.astype(np.float64), VARIANTS[name])
    for options in (SessionOptions(provider="cpu"), SessionOptions(precision="f32")):
        session = open_session(catalogue.locate(card), options)
        (vector,) = session.run({card.input.name: image[None]}, card.output)
        assert vector.shape == expected.shape == (card.dim,)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
        assert float(vector @ expected) == pytest.approx(1, abs=1e-5)


def test_embedder_in_bf16_stays_close_to_f32(models_dir: Path) -> None:
    catalogue = Catalogue(models_dir)
    card = catalogue.embedder("efficientnet_lite2")
    image = prepare_image(draw_probe(), card.input)[None]
    vectors = [
        open_session(catalogue.locate(card), SessionOptions(precision=precision)).run(
            {"image": image}, card.output
        )[0]
        for precision in ("f32", "auto")
    ]
    # Photographs stay above 0.995; the flat colours of the drawing are the worst case.
    assert float(vectors[0] @ vectors[1]) > 0.98


def test_convert_efficientnet_names_a_missing_tensor() -> None:
    with pytest.raises(ModelCorrupt, match=r"_conv_stem\.weight"):
        convert_efficientnet({}, LiteShape((1, 1, 1, 1, 1, 1, 1), 224), size=224, batch=1)


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "expected"),
    [
        (260, 3, 2, (0, 1, 130)),
        (65, 5, 2, (2, 2, 33)),
        (33, 3, 2, (1, 1, 17)),
        (56, 5, 2, (1, 2, 28)),
        (9, 3, 1, (1, 1, 9)),
    ],
)
def test_pad_same_follows_tensorflow(
    side: int, kernel: int, stride: int, expected: tuple[int, int, int]
) -> None:
    assert pad_same(side, kernel, stride) == expected


def test_recipes_pin_a_version_and_a_hash() -> None:
    for recipe in RECIPES.values():
        assert recipe.weights.version
        assert len(recipe.weights.sha256) == 64
