"""Pictures to unit vectors."""

from collections.abc import Sequence

import numpy as np

from inference.batches import run_batches
from inference.cards import EmbedderCard
from inference.images import Pixels
from inference.sessions import ModelSession
from inference.vectors import Vectors, normalise, spread_bits


class Embedder:
    """Runs an embedder as its card says. Threads may share one."""

    def __init__(self, card: EmbedderCard, session: ModelSession) -> None:
        self.card = card
        self._session = session

    def embed(self, images: Sequence[Pixels]) -> Vectors:
        """(N, dim) float32, each row of unit length, for N pictures of (H, W, 3) uint8 RGB; N may be 0.

        Of an embedder that emits codes a row is +-1/sqrt(dim), so that it can be used as any other vector.
        Raises SessionRefused when the runtime fails.
        """
        runs = list(run_batches(self._session, self.card.input, images, self.card.output))
        if not runs:
            return np.zeros((0, self.card.dim), np.float32)
        rows = np.concatenate([run.reshape(len(run), -1) for run in runs])[: len(images)]
        if self.card.emits == "codes":
            return spread_bits(rows > self.card.code_threshold)
        return normalise(rows)
