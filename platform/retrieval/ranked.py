"""Nearest references put into their final order, as a gallery's policies say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from retrieval.index.gallery_index import GalleryIndex
from retrieval.index.store import Hit
from retrieval.matches import Match, load_matches
from retrieval.negatives import load_negatives
from retrieval.ranking.chain import Ranking, Shortlist, rank
from retrieval.ranking.distractors import find_query_penalty
from retrieval.ranking.policies import Policy, Step, split_steps
from retrieval.ranking.query_expansion import expand_alpha, expand_average
from retrieval.ranking.soft_rank import sum_top

Vectors = npt.NDArray[np.float32]

_NEIGHBOURS = 3


@dataclass(frozen=True)
class RankedMatch:
    """A match with its final `score`, larger is better; without policies that is its similarity.

    penalty: what its region's likeness to the tenant's distractors takes off every confidence.
    terms: what each policy made the score of, by policy and name. before: its place without policies, -1
    where only the expanded query found it.
    """

    match: Match
    score: float
    penalty: float
    before: int
    terms: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def confidence(self) -> float:
        """What thresholds are compared with: the cosine to the query, whatever the order was made by."""
        return self.match.similarity - self.penalty


class Ranker:
    """Searches and ranks in one gallery's index.

    steps: policies in order. limit: references a region that are ranked; wanted: matches that the caller
    will show. bounded: within the gallery's hamming radius.
    """

    def __init__(
        self,
        index: GalleryIndex,
        *,
        steps: Sequence[Step],
        limit: int,
        wanted: int,
        bounded: bool = True,
    ) -> None:
        self._index = index
        self._expansions, self._steps = split_steps(steps)
        self._search = partial(index.search, limit=limit, wanted=wanted, bounded=bounded)

    def search(self, queries: Vectors) -> list[list[Hit]]:
        """The nearest regions of each compared query vector (n, d), nearest first, nothing ranked."""
        return self._search(queries)

    def rank_all(self, queries: Vectors, found: Sequence[Sequence[Hit]]) -> list[list[RankedMatch]]:
        """The matches of each query in their final order. found: what `search` gave for the same queries."""
        rows = self._load(found)
        if not self._expansions and not self._steps:
            return [_leave_order(matches) for matches in rows]
        return [self._rank_one(query, matches) for query, matches in zip(queries, rows, strict=True)]

    def _load(self, found: Sequence[Sequence[Hit]]) -> list[list[Match]]:
        return load_matches(self._index.gallery, found)

    def _load_negatives(self) -> Vectors:
        return load_negatives(self._index)

    def _rank_one(self, query: Vectors, matches: list[Match]) -> list[RankedMatch]:
        if not matches:
            return []
        before = {match.region_key: place for place, match in enumerate(matches)}
        expanded = query
        for step in self._expansions:
            wider = _expand(step, expanded, self._load_vectors(matches))
            (found,) = self._load(self._search(wider[None]))
            # Within a radius there may be nothing; what the query itself found stays.
            expanded, matches = (wider, found) if found else (expanded, matches)
        vectors = self._load_vectors(matches)
        shortlist = self._describe(expanded, vectors, matches)
        ranking = rank(shortlist, self._steps)
        penalty = self._find_penalty(query)
        return [
            RankedMatch(
                match=matches[at].with_similarity(float(vectors[at] @ query)),
                score=float(ranking.scores[at]),
                penalty=penalty,
                before=before.get(matches[at].region_key, -1),
                terms=_pick_terms(ranking, at),
            )
            for at in ranking.order
        ]

    def _load_vectors(self, matches: Sequence[Match]) -> Vectors:
        """(n, d) in the order of the matches. A vector that was deleted since the search is zeros."""
        ids, loaded = self._index.load(match.region_key for match in matches)
        places = {int(key): place for place, key in enumerate(ids)}
        nothing = np.zeros(self._index.width, np.float32)
        rows = [loaded[places[m.region_key]] if m.region_key in places else nothing for m in matches]
        return np.stack(rows)

    def _describe(self, query: Vectors, vectors: Vectors, matches: Sequence[Match]) -> Shortlist:
        names = {step.policy for step in self._steps}
        products = {match.product.id: place for place, match in enumerate(matches)}
        return Shortlist(
            query=query,
            vectors=vectors,
            similarities=vectors @ query,
            labels=np.array([products[match.product.id] for match in matches], np.int64),
            confidences=self._sum_neighbours(vectors, matches) if Policy.SOFT_RANK in names else None,
            negatives=self._load_negatives() if Policy.DISTRACTORS in names else None,
        )

    def _sum_neighbours(self, vectors: Vectors, matches: Sequence[Match]) -> npt.NDArray[np.float64]:
        """For each match the sum of its top cosines to other references of the gallery."""
        found = self._index.search(vectors, limit=_NEIGHBOURS + 1, wanted=_NEIGHBOURS + 1, bounded=False)
        others = [
            [hit.similarity for hit in row if hit.region_id != match.region_key][:_NEIGHBOURS]
            for row, match in zip(found, matches, strict=True)
        ]
        cosines = np.array([row + [0.0] * (_NEIGHBOURS - len(row)) for row in others])
        return sum_top(cosines, k=_NEIGHBOURS)

    def _find_penalty(self, query: Vectors) -> float:
        for step in self._steps:
            if step.policy == Policy.DISTRACTORS:
                return find_query_penalty(query, self._load_negatives(), step.count("query_k"))
        return 0.0


def _expand(step: Step, query: Vectors, vectors: Vectors) -> Vectors:
    if step.policy == Policy.AQE:
        expanded = expand_average(query, vectors, step.count("k"))
    else:
        expanded = expand_alpha(query, vectors, step.count("k"), step.params["alpha"])
    return np.asarray(expanded, np.float32)


def _leave_order(matches: Sequence[Match]) -> list[RankedMatch]:
    return [
        RankedMatch(match, score=match.similarity, penalty=0.0, before=place)
        for place, match in enumerate(matches)
    ]


def _pick_terms(ranking: Ranking, at: int) -> dict[str, dict[str, float]]:
    return {
        policy: {name: float(values[at]) for name, values in terms.items()}
        for policy, terms in ranking.terms.items()
    }
