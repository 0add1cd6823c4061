import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from inference.analysis import Analyser, AnalysisOptions, EmbeddedRegion, load_detector, load_embedder
from inference.boxes import Box
from inference.builtin import DEFAULT_DETECTOR, DEFAULT_EMBEDDER
from inference.errors import ModelNotInstalled, ModelUnknown
from inference.images import Picture, Pixels, decode_image
from inference.sessions import SessionOptions
from inference.vectors import Vectors, normalise
from tests.inference.pictures import draw_bodies

ONE = (120, 60, 280, 260)
TWO = ((30, 60, 150, 260), (240, 60, 370, 260))
EMPTY = np.full((200, 300, 3), 128, np.uint8)


def vector_of(region: EmbeddedRegion) -> Vectors:
    return region.vectors[DEFAULT_EMBEDDER]


def embed(analyser: Analyser, pictures: list[Pixels]) -> Vectors:
    return analyser.embedders[DEFAULT_EMBEDDER].embed(pictures)


def test_analyse_finds_one_body_and_mixes_it_with_the_whole(analyser: Analyser) -> None:
    picture = draw_bodies(ONE)
    (analysis,) = analyser.analyse([picture])
    (region,) = analysis.regions
    assert region.source == "detected"
    assert region.box.iou(Box(*ONE)) > 0.75
    box = region.box
    crop = picture[int(box.y1) : int(np.ceil(box.y2)), int(box.x1) : int(np.ceil(box.x2))]
    expected = normalise(embed(analyser, [picture, crop]).sum(axis=0))
    assert float(expected @ vector_of(region)) == pytest.approx(1, abs=1e-5)


def test_analyse_gives_each_of_several_bodies_and_the_whole(analyser: Analyser) -> None:
    picture = draw_bodies(*TWO)
    (analysis,) = analyser.analyse([picture])
    assert [region.source for region in analysis.regions] == ["detected", "detected", "whole"]
    found = sorted((region.box for region in analysis.regions[:2]), key=lambda box: box.x1)
    assert all(box.iou(Box(*drawn)) > 0.7 for box, drawn in zip(found, TWO, strict=True))
    assert analysis.regions[2].box == Box(0, 0, 400, 300)
    assert float(embed(analyser, [picture])[0] @ vector_of(analysis.regions[2])) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_analyse_falls_back_to_the_whole_of_an_empty_picture(value: int, analyser: Analyser) -> None:
    (analysis,) = analyser.analyse([np.full((200, 300, 3), value, np.uint8)])
    (region,) = analysis.regions
    assert (region.source, region.box) == ("whole", Box(0, 0, 300, 200))
    assert np.linalg.norm(vector_of(region)) == pytest.approx(1, abs=1e-5)


def test_analyse_does_not_look_for_bodies_when_told(analyser: Analyser) -> None:
    (analysis,) = analyser.analyse([draw_bodies(*TWO)], AnalysisOptions(detect=False))
    assert [region.source for region in analysis.regions] == ["whole"]
    assert analysis.timings.detect_ms < 5


def test_analyse_keeps_to_max_regions_and_threshold(analyser: Analyser) -> None:
    picture = draw_bodies(*TWO)
    (one,) = analyser.analyse([picture], AnalysisOptions(max_regions=1))
    assert [region.source for region in one.regions] == ["detected"]
    (none,) = analyser.analyse([picture], AnalysisOptions(score_threshold=1.1))
    assert [region.source for region in none.regions] == ["whole"]


def test_analyse_without_fallback_gives_bodies_only(analyser: Analyser) -> None:
    alone = AnalysisOptions(fallback=False)
    several, one, none = analyser.analyse([draw_bodies(*TWO), draw_bodies(ONE), EMPTY], alone)
    assert [region.source for region in several.regions] == ["detected", "detected"]
    assert none.regions == ()
    with_whole = analyser.analyse([draw_bodies(*TWO), draw_bodies(ONE)])
    kept = [*with_whole[0].regions[:2], *with_whole[1].regions]
    for region, expected in zip([*several.regions, *one.regions], kept, strict=True):
        assert region.box == expected.box
        assert np.array_equal(vector_of(region), vector_of(expected))
    assert analyser.analyse([EMPTY], AnalysisOptions(detect=False, fallback=False))[0].regions == ()


def test_analyse_answers_in_pixels_of_the_original(analyser: Analyser) -> None:
    pixels = draw_bodies(ONE)
    plain, stretched = analyser.analyse([pixels, Picture(pixels, width=4000, height=1500)])
    assert stretched.regions[0].box.as_tuple() == plain.regions[0].box.scale(10, 5).as_tuple()
    assert np.array_equal(vector_of(stretched.regions[0]), vector_of(plain.regions[0]))


def test_analyse_keeps_the_order_of_pictures(analyser: Analyser) -> None:
    pictures = [draw_bodies(ONE), draw_bodies(*TWO), np.zeros((50, 60, 3), np.uint8)]
    together = analyser.analyse(pictures)
    assert [len(analysis.regions) for analysis in together] == [1, 3, 1]
    for picture, analysis in zip(pictures, together, strict=True):
        (alone,) = analyser.analyse([picture])
        assert all(
            float(vector_of(one) @ vector_of(other)) > 0.9999
            for one, other in zip(alone.regions, analysis.regions, strict=True)
        )


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (2, 3), (7, 4000)])
def test_analyse_takes_pictures_of_any_shape(shape: tuple[int, int], analyser: Analyser) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (*shape, 3), dtype=np.uint8)
    (analysis,) = analyser.analyse([noise])
    assert analysis.regions
    check_inside(noise, [region.box for region in analysis.regions])


def test_analyse_keeps_boxes_inside_random_pictures(analyser: Analyser) -> None:
    random = np.random.default_rng(11)
    for _ in range(12):
        width, height = random.integers(40, 500, 2)
        corners = [sorted(random.integers(0, size, 2)) for size in (width, height)]
        (x1, x2), (y1, y2) = corners
        picture = draw_bodies((x1, y1, x2 + 1, y2 + 1), width=width, height=height)
        (analysis,) = analyser.analyse([picture], AnalysisOptions(score_threshold=0))
        check_inside(picture, [region.box for region in analysis.regions])


def check_inside(picture: Pixels, boxes: list[Box]) -> None:
    height, width = picture.shape[:2]
    for box in boxes:
        assert 0 <= box.x1 < box.x2 <= width
        assert 0 <= box.y1 < box.y2 <= height


def test_analyser_is_shared_by_threads(analyser: Analyser) -> None:
    pictures = [draw_bodies(ONE), draw_bodies(*TWO)] * 6
    alone = [analyser.analyse([picture])[0] for picture in pictures[:2]]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda picture: analyser.analyse([picture])[0], pictures))
    for number, analysis in enumerate(together):
        for region, expected in zip(analysis.regions, alone[number % 2].regions, strict=True):
            assert float(vector_of(region) @ vector_of(expected)) > 0.9999


def test_load_names_what_is_missing(models_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelUnknown, match=DEFAULT_EMBEDDER):
        load_embedder(models_dir, "resnet", SessionOptions())
    with pytest.raises(ModelUnknown, match=DEFAULT_DETECTOR):
        load_detector(models_dir, DEFAULT_EMBEDDER, SessionOptions())
    with pytest.raises(ModelNotInstalled, match=DEFAULT_DETECTOR):
        load_detector(tmp_path, DEFAULT_DETECTOR, SessionOptions())


def test_recognition_by_nearest_vector_beats_chance_by_far(analyser: Analyser, shared_fixtures: Path) -> None:
    gallery, queries = (read_labels(shared_fixtures / f"grocery_{part}.csv") for part in ("gallery", "query"))
    vectors = np.stack([embed_main(analyser, path) for path, _ in gallery])
    right = [
        gallery[int(np.argmax(vectors @ embed_main(analyser, path)))][1] == label for path, label in queries
    ]
    assert len({label for _, label in gallery}) >= 8
    assert np.mean(right) > 0.6


def read_labels(listing: Path) -> list[tuple[Path, str]]:
    with listing.open(encoding="utf-8") as file:
        return [(listing.parent / row["path"], row["label"]) for row in csv.DictReader(file)]


def embed_main(analyser: Analyser, path: Path) -> Vectors:
    (analysis,) = analyser.analyse([decode_image(path.read_bytes())])
    return vector_of(analysis.regions[0])


def test_embed_of_nothing_is_an_empty_matrix(analyser: Analyser) -> None:
    assert embed(analyser, []).shape == (0, analyser.embedders[DEFAULT_EMBEDDER].card.dim)
    assert analyser.detector.detect([]) == []
    assert analyser.analyse([]) == []
