"""Recognising query photos and judging the answers against what was expected."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from demo.folders import Query
from demo.skus import make_sku
from vitrine.answers import Recognition
from vitrine.client import VitrineClient
from vitrine.errors import ApiProblem, VitrineError
from vitrine.photos import Photo

_OURS: Final = 500


@dataclass(frozen=True)
class Result:
    """A query with its answer, or why there is none. `refused` is the photo's fault, not the service's."""

    query: Query
    answer: Recognition | None
    problem: str | None = None
    refused: bool = False
    total_ms: float = 0.0

    @property
    def right(self) -> bool | None:
        """Whether the answer is what was expected; None where nothing was expected or answered."""
        if not self.query.judged or self.answer is None:
            return None
        if self.query.expected is None:
            return self.answer.product is None
        return self.answer.product is not None and self.answer.product.sku == make_sku(self.query.expected)

    @property
    def nearest_right(self) -> bool | None:
        """Whether the best candidate, decided for or not, is the expected product; None for unknowns."""
        if self.query.expected is None or self.answer is None:
            return None
        candidates = self.answer.candidates
        return bool(candidates) and candidates[0].sku == make_sku(self.query.expected)


@dataclass(frozen=True)
class Summary:
    """Counts over the results; queries without an answer are in `unanswered` or `refused` only."""

    known: int
    known_right: int
    nearest_right: int
    unknown: int
    unknown_right: int
    unanswered: int
    refused: int


def recognise_queries(
    client: VitrineClient, gallery: str, queries: Sequence[Query], tell: Callable[[str], None]
) -> list[Result]:
    """Ask the service about each query, one after the other, so that the timings are one customer's."""
    results = []
    for index, query in enumerate(queries, start=1):
        tell(f"recognising query {index} of {len(queries)}")
        results.append(_recognise_query(client, gallery, query))
    return results


def summarise_results(results: Iterable[Result]) -> Summary:
    """Count what was right."""
    all_ = list(results)
    judged = [each for each in all_ if each.query.judged and each.answer is not None]
    known = [each for each in judged if each.query.expected is not None]
    unknown = [each for each in judged if each.query.expected is None]
    failed = [each for each in all_ if each.answer is None]
    return Summary(
        known=len(known),
        known_right=sum(each.right is True for each in known),
        nearest_right=sum(each.nearest_right is True for each in known),
        unknown=len(unknown),
        unknown_right=sum(each.right is True for each in unknown),
        unanswered=sum(not each.refused for each in failed),
        refused=sum(each.refused for each in failed),
    )


def _recognise_query(client: VitrineClient, gallery: str, query: Query) -> Result:
    try:
        photo = Photo.from_path(query.path)
    except OSError as error:
        return Result(query, None, f"the file cannot be read: {error.strerror}", refused=True)
    start = time.perf_counter()
    try:
        answer = client.recognize(gallery, photo)
    except ApiProblem as problem:
        return Result(
            query, None, str(problem), refused=problem.status < _OURS and problem.code.startswith("image_")
        )
    except VitrineError as problem:
        return Result(query, None, problem.message)
    return Result(query, answer, total_ms=1000 * (time.perf_counter() - start))
