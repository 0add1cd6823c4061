"""The main bodies in a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inference.batches import run_batches
from inference.boxes import Box
from inference.cards import DetectorCard
from inference.images import Pixels
from inference.preprocess import Tensor
from inference.saliency import find_bodies
from inference.sessions import ModelSession

_LEAST_SIDE = 2.0
_ROW_LENGTH = 6


@dataclass(frozen=True)
class Detection:
    """A body: its box in pixels of the picture given, its score 0 to 1, its class where there are some."""

    box: Box
    score: float
    label: str | None = None


class MainBodyDetector:
    """Runs a detector as its card says. Threads may share one."""

    def __init__(self, card: DetectorCard, session: ModelSession) -> None:
        self.card = card
        self._session = session

    def detect(self, images: Sequence[Pixels]) -> list[list[Detection]]:
        """For each (H, W, 3) uint8 RGB picture its bodies, best first; none where the model sees none.

        Boxes are inside the picture and at least two pixels wide and high. Raises SessionRefused when the
        runtime fails.
        """
        runs = list(
            run_batches(self._session, self.card.input, images, self.card.output, self.give_extra_feeds)
        )
        if self.card.output_convention == "rows":
            # Rows do not say whose they are, so such a card's batch is 1 and a run is a picture.
            found = [self._read_rows(rows) for rows in runs]
        else:
            maps = [saliency for run in runs for saliency in run]
            found = [self._read_saliency(maps[at], image) for at, image in enumerate(images)]
        return [_clean(detections, image) for detections, image in zip(found, images, strict=True)]

    def _read_saliency(self, saliency: Tensor, image: Pixels) -> list[Detection]:
        height, width = image.shape[:2]
        bodies = find_bodies(saliency.reshape(saliency.shape[-2:]), self.card.saliency)
        return [Detection(body.box.scale(width, height), body.score) for body in bodies]

    def _read_rows(self, rows: Tensor) -> list[Detection]:
        rows = rows.reshape(-1, _ROW_LENGTH)
        # Exporters fill up to a fixed number of rows with class -1.
        sound = rows[np.isfinite(rows).all(axis=1) & (rows[:, 0] >= 0)].astype(float)
        return [
            Detection(Box(*row[2:]), float(row[1]), self._name_class(int(row[0]))) for row in sound.tolist()
        ]

    def _name_class(self, index: int) -> str | None:
        return self.card.labels[index] if index < len(self.card.labels) else None

    def give_extra_feeds(self, images: Sequence[Pixels]) -> dict[str, Tensor]:
        """What the card's input convention adds to the pictures of a run: two tensors (N, 2), or nothing."""
        if self.card.input_convention == "image":
            return {}
        height, width = self.card.input.height, self.card.input.width
        return {
            "im_shape": np.array([[height, width]] * len(images), np.float32),
            "scale_factor": np.array(
                [[height / image.shape[0], width / image.shape[1]] for image in images], np.float32
            ),
        }


def _clean(detections: list[Detection], image: Pixels) -> list[Detection]:
    height, width = image.shape[:2]
    clamped = [
        Detection(item.box.clamp(width, height), min(max(item.score, 0.0), 1.0), item.label)
        for item in detections
    ]
    kept = [item for item in clamped if min(item.box.width, item.box.height) >= _LEAST_SIDE]
    return sorted(kept, key=lambda item: -item.score)
