"""From pictures to embedded regions: the one path that both indexing and recognition take.

Rule (measured on grocery photos, see docs): a picture with one main body is one region, its vector the
normalised mean of the whole picture's and the crop's; several bodies are one region each, plus the whole
picture; no body leaves the whole picture.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from inference.boxes import Box
from inference.catalogue import Catalogue
from inference.detector import Detection, MainBodyDetector
from inference.embedder import Embedder, Vectors, normalise
from inference.images import Picture, Pixels
from inference.sessions import SessionOptions, open_session

DEFAULT_MAX_REGIONS = 5
DEFAULT_SCORE_THRESHOLD = 0.25


@dataclass(frozen=True)
class AnalysisOptions:
    """`detect`: look for main bodies at all. `max_regions`: of the detected ones, the best so many.
    `score_threshold`: bodies that score less are dropped, 0 to 1.
    """

    detect: bool = True
    max_regions: int = DEFAULT_MAX_REGIONS
    score_threshold: float = DEFAULT_SCORE_THRESHOLD


@dataclass(frozen=True)
class EmbeddedRegion:
    """A part of a picture and its vector: `box` in pixels of the oriented original, `vector` (dim,) float32
    of unit length. `score` is the detector's, 0 to 1; 0 for the whole picture, which nothing detected.
    """

    box: Box
    source: Literal["detected", "whole"]
    score: float
    vector: npt.NDArray[np.float32]
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
    """A detector and an embedder working together. Threads may share one."""

    def __init__(self, detector: MainBodyDetector, embedder: Embedder) -> None:
        self.detector = detector
        self.embedder = embedder

    def analyse(
        self, images: Sequence[Pixels | Picture], options: AnalysisOptions | None = None
    ) -> list[Analysis]:
        """One Analysis for each picture, in order; every one has at least one region.

        A picture is (H, W, 3) uint8 RGB, or a `Picture` whose pixels may be reduced: boxes come out in the
        original's pixels. Raises SessionRefused when the runtime fails.
        """
        chosen = options or AnalysisOptions()
        # One at a time: a batch is no faster on a CPU, and so the timings are each picture's own.
        return [self._analyse_one(as_picture(image), chosen) for image in images]

    def _analyse_one(self, picture: Picture, options: AnalysisOptions) -> Analysis:
        started = time.perf_counter()
        detections = self._detect(picture, options) if options.detect else []
        detected = time.perf_counter()
        crops = [crop_pixels(picture.pixels, detection.box) for detection in detections]
        vectors = self.embedder.embed([picture.pixels, *crops])
        regions = _combine(picture, detections, vectors)
        embedded = time.perf_counter()
        return Analysis(regions, Timings((detected - started) * 1000, (embedded - detected) * 1000))

    def _detect(self, picture: Picture, options: AnalysisOptions) -> list[Detection]:
        (detections,) = self.detector.detect([picture.pixels])
        good = [detection for detection in detections if detection.score >= options.score_threshold]
        return good[: options.max_regions]


def load_analyser(models_dir: Path, *, detector: str, embedder: str, session: SessionOptions) -> Analyser:
    """The two models by name, loaded and checked.

    Raises ModelUnknown, ModelNotInstalled or ModelCorrupt (from the catalogue), SessionRefused (from the
    runtime).
    """
    catalogue = Catalogue(models_dir)
    detector_card, embedder_card = catalogue.detector(detector), catalogue.embedder(embedder)
    return Analyser(
        MainBodyDetector(detector_card, open_session(catalogue.locate(detector_card), session)),
        Embedder(embedder_card, open_session(catalogue.locate(embedder_card), session)),
    )


def as_picture(image: Pixels | Picture) -> Picture:
    """Bare pixels (H, W, 3) are a picture in its original size."""
    if isinstance(image, Picture):
        return image
    return Picture(image, width=image.shape[1], height=image.shape[0])


def crop_pixels(pixels: Pixels, box: Box) -> Pixels:
    """The whole pixels that `box` (in pixels of this array, inside it, not empty) touches; a view."""
    return pixels[math.floor(box.y1) : math.ceil(box.y2), math.floor(box.x1) : math.ceil(box.x2)]


def _combine(
    picture: Picture, detections: Sequence[Detection], vectors: Vectors
) -> tuple[EmbeddedRegion, ...]:
    """`vectors` are (1 + len(detections), dim): the whole picture's first."""
    whole = EmbeddedRegion(Box.covering(picture.width, picture.height), "whole", 0.0, vectors[0])
    if not detections:
        return (whole,)
    if len(detections) == 1:
        return (_place(picture, detections[0], normalise(vectors[0] + vectors[1])),)
    bodies = [_place(picture, item, vector) for item, vector in zip(detections, vectors[1:], strict=True)]
    return (*bodies, whole)


def _place(picture: Picture, detection: Detection, vector: npt.NDArray[np.float32]) -> EmbeddedRegion:
    height, width = picture.pixels.shape[:2]
    box = detection.box.scale(picture.width / width, picture.height / height)
    inside = box.clamp(picture.width, picture.height)
    return EmbeddedRegion(inside, "detected", detection.score, vector, detection.label)
