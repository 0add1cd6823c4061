"""The real models with a gate before their answer, so that a test can act while photos are in them."""

from collections.abc import Callable, Sequence

import pytest
from django.db import connection

from inference.analysis import Analyser, Analysis, AnalysisOptions
from inference.images import Picture
from retrieval.analysers import get_analyser
from retrieval.photos import analysing


class Gate:
    """Counts the photos that go through the models, and calls `meanwhile` before the answer is given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.photos = 0
        self._meanwhile = meanwhile
        monkeypatch.setattr(analysing, "get_analyser", self._open)

    def _open(self, embedder: str) -> "Gate":
        self._analyser: Analyser = get_analyser(embedder)
        return self

    def analyse(self, pictures: Sequence[Picture], options: AnalysisOptions) -> list[Analysis]:
        """The real answer, after the gate."""
        self.photos += len(pictures)
        analyses = self._analyser.analyse(pictures, options)
        try:
            self._meanwhile()
        finally:
            # It runs in a thread of the models, which has no connections of its own otherwise.
            connection.close()
        return analyses
