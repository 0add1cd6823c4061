"""From pictures to embedded regions: the one path that both indexing and recognition take.

Rule (measured on grocery photos, see docs): a picture with one main body is one region, its vector the
normalised mean of the whole picture's and the crop's; several bodies are one region each, plus the whole
picture; no body leaves the whole picture. A mean of codes is no code, so an embedder that emits codes gives
one body the code of its crop.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from inference.boxes import Box
from inference.catalogue import Catalogue
from inference.detector import Detection, MainBodyDetector
from inference.embedder import Embedder
from inference.images import Picture, Pixels
from inference.sessions import SessionOptions, open_session
from inference.vectors import Vectors, normalise

DEFAULT_MAX_REGIONS = 5
DEFAULT_SCORE_THRESHOLD = 0.25


@dataclass(frozen=True)
class AnalysisOptions:
    """`detect`: look for main bodies at all. `max_regions`: of the detected ones, the best so many.
    `score_threshold`: bodies that score less are dropped, 0 to 1. `fallback`: the whole picture becomes a
    region beside several bodies, and in place of none; without it a picture with no body has no region.
    """

    detect: bool = True
    max_regions: int = DEFAULT_MAX_REGIONS
    score_threshold: float = DEFAULT_SCORE_THRESHOLD
    fallback: bool = True


@dataclass(frozen=True)
class EmbeddedRegion:
    """A part of a picture and its vectors: `box` in pixels of the oriented original, `vectors` (dim,) float32
    of unit length by the name of the embedder. `score` is the detector's, 0 to 1; 0 for the whole picture,
    which nothing detected, and 1 for a box that was given.
    """

    box: Box
    source: Literal["detected", "whole", "given"]
    score: float
    vectors: Mapping[str, Vectors]
    label: str | None = None


@dataclass(frozen=True)
class Timings:
    """Milliseconds of wall time one picture took."""

    detect_ms: float
    embed_ms: float


@dataclass(frozen=True)
class Analysis:
    """The regions of one picture: detected ones best first, then the whole picture where it stands apart."""

    regions: tuple[EmbeddedRegion, ...]
    timings: Timings


class Analyser:
    """A detector and embedders working together: each body is looked for once, and embedded by all of them.

    Threads may share one, and analysers may share models. Raises ValueError without an embedder, or with two
    of one name.
    """

    def __init__(self, detector: MainBodyDetector, embedders: Sequence[Embedder]) -> None:
        self.detector = detector
        self.embedders = {embedder.card.name: embedder for embedder in embedders}
        if not embedders or len(self.embedders) < len(embedders):
            raise ValueError("An analyser wants one embedder or more, each of another name.")

    def analyse(
        self, images: Sequence[Pixels | Picture], options: AnalysisOptions | None = None
    ) -> list[Analysis]:
        """One Analysis for each picture, in order; with `options.fallback` every one has at least one region.

        A picture is (H, W, 3) uint8 RGB, or a `Picture` whose pixels may be reduced: boxes come out in the
        original's pixels. Raises SessionRefused when the runtime fails.
        """
        chosen = options or AnalysisOptions()
        # One at a time: a batch is no faster on a CPU, and so the timings are each picture's own.
        return [self._analyse_one(as_picture(image), chosen) for image in images]

    def embed_body(self, image: Pixels | Picture, box: Box | None) -> Mapping[str, Vectors]:
        """The vectors (dim,) by embedder that `analyse` gives a picture's only main body, or without a box
        the whole picture: for a region that is known, and an embedder that is new. `box` is in original
        pixels. Raises SessionRefused when the runtime fails.
        """
        picture = as_picture(image)
        height, width = picture.pixels.shape[:2]
        inside = box and box.scale(width / picture.width, height / picture.height).clamp(width, height)
        crops = [crop_pixels(picture.pixels, inside)] if inside else []
        return {
            name: _embed(embedder, picture.pixels, crops, fallback=True)[0]
            for name, embedder in self.embedders.items()
        }

    def _analyse_one(self, picture: Picture, options: AnalysisOptions) -> Analysis:
        started = time.perf_counter()
        detections = self._detect(picture, options) if options.detect else []
        detected = time.perf_counter()
        crops = [crop_pixels(picture.pixels, detection.box) for detection in detections]
        rows = {
            name: _embed(embedder, picture.pixels, crops, fallback=options.fallback)
            for name, embedder in self.embedders.items()
        }
        places = _list_places(detections, fallback=options.fallback)
        regions = tuple(
            _describe(picture, place, {name: vectors[at] for name, vectors in rows.items()})
            for at, place in enumerate(places)
        )
        embedded = time.perf_counter()
        return Analysis(regions, Timings((detected - started) * 1000, (embedded - detected) * 1000))

    def _detect(self, picture: Picture, options: AnalysisOptions) -> list[Detection]:
        (detections,) = self.detector.detect([picture.pixels])
        good = [detection for detection in detections if detection.score >= options.score_threshold]
        return good[: options.max_regions]


def load_detector(models_dir: Path, name: str, session: SessionOptions) -> MainBodyDetector:
    """The detector called `name`, loaded and its file checked.

    Raises ModelUnknown, ModelNotInstalled or ModelCorrupt (from the catalogue), SessionRefused (from the
    runtime).
    """
    catalogue = Catalogue(models_dir)
    card = catalogue.detector(name)
    return MainBodyDetector(card, open_session(catalogue.locate(card), session))


def load_embedder(models_dir: Path, name: str, session: SessionOptions) -> Embedder:
    """The embedder called `name`, loaded and its file checked. Raises as `load_detector`."""
    catalogue = Catalogue(models_dir)
    card = catalogue.embedder(name)
    return Embedder(card, open_session(catalogue.locate(card), session))


def as_picture(image: Pixels | Picture) -> Picture:
    """Bare pixels (H, W, 3) are a picture in its original size."""
    if isinstance(image, Picture):
        return image
    return Picture(image, width=image.shape[1], height=image.shape[0])


def crop_pixels(pixels: Pixels, box: Box) -> Pixels:
    """The whole pixels that `box` (in pixels of this array, inside it, not empty) touches; a view."""
    return pixels[math.floor(box.y1) : math.ceil(box.y2), math.floor(box.x1) : math.ceil(box.x2)]


def _list_places(detections: Sequence[Detection], *, fallback: bool) -> list[Detection | None]:
    """The regions to be; None is the whole picture."""
    return [*detections, None] if fallback and len(detections) != 1 else list(detections)


def _embed(embedder: Embedder, whole: Pixels, crops: Sequence[Pixels], *, fallback: bool) -> Vectors:
    """One row for each of `_list_places`."""
    if len(crops) != 1:
        return embedder.embed([*crops, whole] if fallback else crops)
    if embedder.card.emits == "codes":
        return embedder.embed(crops)
    return normalise(embedder.embed([whole, *crops]).sum(axis=0, keepdims=True))


def _describe(picture: Picture, place: Detection | None, vectors: Mapping[str, Vectors]) -> EmbeddedRegion:
    if place is None:
        return EmbeddedRegion(Box.covering(picture.width, picture.height), "whole", 0.0, vectors)
    height, width = picture.pixels.shape[:2]
    box = place.box.scale(picture.width / width, picture.height / height)
    inside = box.clamp(picture.width, picture.height)
    return EmbeddedRegion(inside, "detected", place.score, vectors, place.label)
