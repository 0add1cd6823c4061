import csv
from pathlib import Path

import numpy as np
import pytest

from inference.images import ImageRejected, decode_image, decode_picture

CODES = {
    "image_empty",
    "image_unsupported_format",
    "image_unreadable",
    "image_too_large",
    "image_animated",
}


def test_decode_picture_takes_or_refuses_every_hostile_file(shared_fixtures: Path) -> None:
    with (shared_fixtures / "hostile_manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    taken = [row for row in rows if try_decode(shared_fixtures / row["path"])]
    assert len(rows) > 100
    assert len(taken) > 30
    # Nothing that Pillow itself fails on, and nothing that moves, may come through.
    assert all(row["pillow_result"] == "ok" and row["frames"] == "1" for row in taken)


def try_decode(path: Path) -> bool:
    try:
        picture = decode_picture(path.read_bytes())
    except ImageRejected as error:
        assert error.code in CODES  # noqa: PT017 - either outcome is good, no other is
        assert error.message.endswith(".")  # noqa: PT017
        return False
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.shape == (picture.height, picture.width, 3)
    return True


@pytest.mark.parametrize("orientation", range(1, 9))
def test_decode_image_turns_the_exif_examples_upright(orientation: int, shared_fixtures: Path) -> None:
    first, other = (
        decode_image((shared_fixtures / "exif" / f"Landscape_{number}.jpg").read_bytes())
        for number in (1, orientation)
    )
    assert first.shape == other.shape
    assert np.abs(first.astype(int) - other.astype(int)).mean() < 8
