import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tenants.models import Embedding

COMPONENTS = st.floats(-1, 1, width=32)
VECTORS = hnp.arrays(np.float32, st.integers(1, 1632), elements=COMPONENTS).filter(
    lambda vector: bool(np.linalg.norm(vector) > 1e-3)
)


def make_unit(vector: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    unit: npt.NDArray[np.float32] = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit


@given(VECTORS)
def test_stored_vector_is_the_original_but_for_rounding(vector: npt.NDArray[np.float32]) -> None:
    unit = make_unit(vector)
    stored = Embedding.pack(unit)
    restored = Embedding.unpack(stored)
    assert len(stored) == 2 * len(unit)
    assert restored.dtype == np.float32
    assert float(restored @ unit) > 0.9999
    assert abs(float(np.linalg.norm(restored)) - 1) < 1e-5


def test_stored_vector_is_the_same_after_a_second_rounding() -> None:
    unit = make_unit(np.random.default_rng(0).normal(size=1632).astype(np.float32))
    once = Embedding.unpack(Embedding.pack(unit))
    assert np.abs(Embedding.unpack(Embedding.pack(once)) - once).max() < 1e-4


def test_stored_vector_reads_from_what_the_database_gives() -> None:
    stored = Embedding.pack(make_unit(np.arange(1, 9, dtype=np.float32)))
    assert np.array_equal(Embedding.unpack(memoryview(stored)), Embedding.unpack(stored))


def test_stored_vector_is_little_endian_half_floats() -> None:
    assert Embedding.pack(np.array([1, 0], np.float32)) == b"\x00\x3c\x00\x00"
