from dataclasses import replace

import numpy as np
import pytest

from inference.cards import ImageInput
from inference.preprocess import prepare_image, resize_image

SPEC = ImageInput("x", 8, 4, mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 1.0))


def test_prepare_image_is_planes_of_normalised_colour() -> None:
    picture = np.empty((20, 30, 3), np.uint8)
    picture[:] = (255, 0, 51)
    tensor = prepare_image(picture, SPEC)
    assert tensor.shape == (3, 4, 8)
    assert tensor.dtype == np.float32
    assert tensor[:, 2, 3].tolist() == pytest.approx([1.0, -1.0, 0.2], abs=1e-6)


def test_prepare_image_swaps_channels_for_bgr() -> None:
    picture = np.empty((4, 8, 3), np.uint8)
    picture[:] = (255, 0, 51)
    swapped = prepare_image(picture, replace(SPEC, channels="bgr"))
    assert swapped[:, 0, 0].tolist() == pytest.approx([-0.6, -1.0, 1.0], abs=1e-6)


def test_prepare_image_divides_by_the_greatest_value_when_told() -> None:
    picture = np.zeros((4, 8, 3), np.uint8)
    picture[..., 2] = 50
    assert prepare_image(picture, replace(SPEC, divisor=None))[2].max() == pytest.approx(1.0)
    assert np.isfinite(prepare_image(np.zeros_like(picture), replace(SPEC, divisor=None))).all()


def test_resize_image_averages_where_it_shrinks() -> None:
    lines = np.zeros((64, 64, 3), np.uint8)
    lines[::4] = 200
    assert (resize_image(lines, width=16, height=16, interpolation="area") == 50).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 700)])
@pytest.mark.parametrize("interpolation", ["area", "linear", "cubic"])
def test_resize_image_takes_any_shape(size: tuple[int, int], interpolation: str) -> None:
    picture = np.full((*size, 3), 90, np.uint8)
    shown = resize_image(picture, width=32, height=32, interpolation=interpolation)  # type: ignore[arg-type]
    assert (shown == 90).all()
