"""Pictures to unit vectors."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from inference.batches import run_batches
from inference.cards import EmbedderCard
from inference.images import Pixels
from inference.sessions import ModelSession

Vectors = npt.NDArray[np.float32]

_NO_LENGTH = 1e-12


class Embedder:
    """Runs an embedder as its card says. Threads may share one."""

    def __init__(self, card: EmbedderCard, session: ModelSession) -> None:
        self.card = card
        self._session = session

    def embed(self, images: Sequence[Pixels]) -> Vectors:
        """(N, dim) float32, each row of unit length, for N pictures of (H, W, 3) uint8 RGB; N may be 0.

        Raises SessionRefused when the runtime fails.
        """
        runs = list(run_batches(self._session, self.card.input, images, self.card.output))
        if not runs:
            return np.zeros((0, self.card.dim), np.float32)
        rows = np.concatenate([run.reshape(len(run), -1) for run in runs])[: len(images)]
        return normalise(rows)


def normalise(rows: Vectors) -> Vectors:
    """Rows (N, dim) brought to unit length; a row of zeros stays one."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, _NO_LENGTH), np.float32)
