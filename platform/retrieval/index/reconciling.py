"""PostgreSQL is the truth, the index follows it: find where they differ, and mend the index.

A region is read from the index before PostgreSQL is asked about it, and the other way round: what is being
written or deleted meanwhile is never taken for a fault, or is put right by the next comparison.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.utils import timezone

from retrieval.index.raw_vectors import list_regions, live_regions
from retrieval.index.rows import space_of
from retrieval.index.store import connect_store
from retrieval.index.writing import write_augmented, write_regions
from tenants.models import Gallery, VectorIndex

_CHUNK = 5000
_SAMPLES = 4
_SAMPLE = 250
_FIRST, _LAST = -(2**63) + 1, 2**63 - 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drift:
    """Regions that the index lacks, and keys that it holds and should not."""

    missing: tuple[int, ...]
    orphans: tuple[int, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.orphans)


def reconcile_index(index: VectorIndex, *, thorough: bool = False) -> Drift:
    """Compare the index with PostgreSQL and mend it; what was amiss is returned and kept with the index.

    thorough: compare every key, even where counts and samples agree. Raises `IndexMissing` when there is no
    collection, `Unavailable`.
    """
    drift = compare_index(index, thorough=thorough)
    if drift:
        _log.warning("%s: %d missing, %d orphans", index, len(drift.missing), len(drift.orphans))
        mend_index(index, drift)
    VectorIndex.objects.filter(pk=index.pk).update(
        checked_at=timezone.now(), missing=len(drift.missing), orphans=len(drift.orphans)
    )
    return drift


def compare_index(index: VectorIndex, *, thorough: bool) -> Drift:
    """First counts, then some stretches of keys; every key only where those differ, or when asked for."""
    expected = list_regions(index.gallery_id, index.embedders)
    if not thorough and connect_store().count(space_of(index), seen=None) == len(expected):
        # What the count has waited for, these see without waiting.
        if not _compare(index, _sample(expected), seen=0):
            return Drift((), ())
        expected = list_regions(index.gallery_id, index.embedders)
    return _compare(index, _cut(expected), seen=None)


def mend_index(index: VectorIndex, drift: Drift) -> None:
    """Write what is missing, delete what should not be there."""
    gallery = Gallery.objects.get(pk=index.gallery_id)
    if index.spec.get("dba") and len(drift.missing) == len(list_regions(index.gallery_id, index.embedders)):
        seen = write_augmented(index, drift.missing)
    else:
        seen = write_regions(gallery, index, drift.missing)
    # Deleted while they were written: nobody else knows that they came after all.
    gone = set(drift.missing) - _list_alive(index.gallery_id, drift.missing)
    connect_store().delete(space_of(index), [*drift.orphans, *gone])
    Gallery.objects.filter(pk=index.gallery_id, index_timestamp__lt=seen).update(index_timestamp=seen)


def _list_alive(gallery_id: UUID, region_ids: Sequence[int]) -> set[int]:
    return set(live_regions(gallery_id).filter(pk__in=region_ids).values_list("pk", flat=True))


@dataclass(frozen=True)
class _Stretch:
    """Keys from low on, below high, and those expected among them."""

    low: int
    high: int
    expected: tuple[int, ...]


def _cut(expected: Sequence[int]) -> Iterator[_Stretch]:
    """All keys there can be, in stretches that hold so many expected ones."""
    low = _FIRST
    for at in range(0, max(len(expected), 1), _CHUNK):
        keys = tuple(expected[at : at + _CHUNK])
        high = _LAST if at + _CHUNK >= len(expected) else expected[at + _CHUNK]
        yield _Stretch(low, high, keys)
        low = high


def _sample(expected: Sequence[int]) -> Iterator[_Stretch]:
    """A few stretches at random, others each time; all of a gallery that is no larger than those."""
    if len(expected) <= _SAMPLES * _SAMPLE:
        yield from _cut(expected)
        return
    random = np.random.default_rng()
    for _ in range(_SAMPLES):
        at = int(random.integers(len(expected)))
        keys = tuple(expected[at : at + _SAMPLE])
        yield _Stretch(keys[0], keys[-1] + 1, keys)


def _compare(index: VectorIndex, stretches: Iterator[_Stretch], *, seen: int | None) -> Drift:
    """Seen None: what was deleted a moment ago is not taken for an orphan."""
    missing: list[int] = []
    orphans: list[int] = []
    for stretch in stretches:
        found = connect_store().list_ids(space_of(index), low=stretch.low, high=stretch.high, seen=seen)
        held = set(found.tolist())
        missing += sorted(set(stretch.expected) - held)
        extra = sorted(held - set(stretch.expected))
        orphans += sorted(set(extra) - _list_alive(index.gallery_id, extra))
    return Drift(tuple(missing), tuple(orphans))
