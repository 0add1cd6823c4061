from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from inference.analysis import Analyser, load_embedder
from inference.builtin import DEFAULT_EMBEDDER
from inference.cardfiles import parse_card
from inference.cards import EmbedderCard
from inference.detector import Detection, MainBodyDetector
from inference.embedder import Embedder
from inference.images import Picture, Pixels
from inference.sessions import SessionOptions, open_session
from tests.inference.graphs import describe_embedder, save_embedder
from tests.inference.pictures import draw_bodies

ONE = draw_bodies((120, 60, 280, 260))
TWO = draw_bodies((30, 60, 150, 260), (240, 60, 370, 260))
EMPTY = np.full((200, 300, 3), 128, np.uint8)


class CountingDetector(MainBodyDetector):
    """The real one, which also counts its runs."""

    runs = 0

    def detect(self, images: Sequence[Pixels]) -> list[list[Detection]]:
        self.runs += 1
        return super().detect(images)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return open_embedder(tmp_path_factory.mktemp("small"), name="small", emits="vector")


@pytest.fixture(scope="module")
def coder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return open_embedder(tmp_path_factory.mktemp("coder"), name="coder", emits="codes")


def open_embedder(folder: Path, **changes: object) -> Embedder:
    path = save_embedder(folder / "embedder.onnx", dim=48)
    card = parse_card(describe_embedder(dim=48, **changes), where="a test")
    assert isinstance(card, EmbedderCard)
    return Embedder(card, open_session(path, SessionOptions(precision="f32")))


def test_analyse_gives_each_embedder_its_own_vector(analyser: Analyser, small: Embedder) -> None:
    default = analyser.embedders[DEFAULT_EMBEDDER]
    both = Analyser(analyser.detector, [default, small]).analyse([ONE, TWO, EMPTY])
    alone = [Analyser(analyser.detector, [one]).analyse([ONE, TWO, EMPTY]) for one in (default, small)]
    for together, *parts in zip(both, *alone, strict=True):
        for region, *expected in zip(together.regions, *(part.regions for part in parts), strict=True):
            assert list(region.vectors) == [DEFAULT_EMBEDDER, "small"]
            assert all(region.box == one.box for one in expected)
            for one in expected:
                ((name, vector),) = one.vectors.items()
                assert np.array_equal(region.vectors[name], vector)


def test_analyse_looks_for_bodies_once_for_all_embedders(analyser: Analyser, small: Embedder) -> None:
    session = analyser.detector._session  # noqa: SLF001 - the same graph, opened once
    detector = CountingDetector(analyser.detector.card, session)
    Analyser(detector, [analyser.embedders[DEFAULT_EMBEDDER], small]).analyse([ONE])
    assert detector.runs == 1


def test_analyse_gives_codes_of_the_crop_of_one_body(analyser: Analyser, coder: Embedder) -> None:
    (analysis,) = Analyser(analyser.detector, [coder]).analyse([ONE])
    (region,) = analysis.regions
    x1, y1, x2, y2 = region.box.as_tuple()
    crop = ONE[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))]
    assert np.array_equal(region.vectors["coder"], coder.embed([crop])[0])
    assert np.unique(np.abs(region.vectors["coder"])) == pytest.approx([48**-0.5])


def test_analyse_gives_codes_of_several_bodies_and_of_the_whole(analyser: Analyser, coder: Embedder) -> None:
    several, none = Analyser(analyser.detector, [coder]).analyse([TWO, EMPTY])
    assert [region.source for region in several.regions] == ["detected", "detected", "whole"]
    assert np.array_equal(several.regions[2].vectors["coder"], coder.embed([TWO])[0])
    assert np.array_equal(none.regions[0].vectors["coder"], coder.embed([EMPTY])[0])


def test_embed_body_gives_a_known_region_what_analyse_gave_it(
    analyser: Analyser, small: Embedder, coder: Embedder
) -> None:
    both = Analyser(analyser.detector, [small, coder])
    reduced = Picture(ONE, width=ONE.shape[1] * 3, height=ONE.shape[0] * 3)
    one, none = (analysis.regions[0] for analysis in both.analyse([reduced, EMPTY]))
    again = [both.embed_body(reduced, one.box), both.embed_body(EMPTY, None)]
    for region, vectors in zip((one, none), again, strict=True):
        assert list(vectors) == ["small", "coder"]
        assert np.array_equal(vectors["coder"], region.vectors["coder"])
        assert np.array_equal(vectors["small"], region.vectors["small"])


def test_analyser_wants_embedders_of_different_names(analyser: Analyser, small: Embedder) -> None:
    with pytest.raises(ValueError, match="one embedder or more"):
        Analyser(analyser.detector, [])
    with pytest.raises(ValueError, match="another name"):
        Analyser(analyser.detector, [small, small])


def test_load_embedder_is_shared_by_analysers(models_dir: Path, analyser: Analyser) -> None:
    embedder = load_embedder(models_dir, DEFAULT_EMBEDDER, SessionOptions())
    assert embedder.card == analyser.embedders[DEFAULT_EMBEDDER].card
    assert Analyser(analyser.detector, [embedder]).embedders[DEFAULT_EMBEDDER] is embedder
