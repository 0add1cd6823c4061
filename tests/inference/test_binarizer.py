import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from inference.binarizer import (
    Binarizer,
    count_bits,
    find_hamming,
    find_similarity,
    fit_binarizer,
    measure_loss,
    unpack_codes,
)
from inference.vectors import Bits, Vectors, normalise

PLAIN = Binarizer(None, None, "sign")


def draw_rows(count: int, width: int, seed: int = 1) -> Vectors:
    random = np.random.default_rng(seed)
    mixed = random.standard_normal((count, width)) @ random.standard_normal((width, width))
    return normalise((mixed * np.linspace(3, 0.2, width)).astype(np.float32))


def keep_signs(dims: int) -> Binarizer:
    return Binarizer(np.zeros(dims, np.float32), None, "sign")


def test_encode_packs_the_first_bit_as_the_most_significant() -> None:
    signs = np.array([[1, -1, -1, -1, -1, -1, -1, 1, 1, 1, -1, -1]], np.float32)
    assert keep_signs(12).encode(signs).tolist() == [[0b10000001, 0b11000000]]


def test_encode_counts_what_is_above_zero_only() -> None:
    row = np.array([[0, -0.0, 1e-30, -1e-30, 1, -1, 0, 0]], np.float32)
    assert keep_signs(8).encode(row).tolist() == [[0b00101000]]


def test_encode_centres_on_the_own_mean_where_nothing_was_fitted() -> None:
    rows = np.array([[9, 1, 1, 1, 9, 1, 1, 1], [0.5, 0, 0, 0, 0, 0, 0, 0.5]], np.float32)
    assert PLAIN.encode(rows).tolist() == [[0b10001000], [0b10000001]]
    assert keep_signs(8).encode(rows).tolist()[0] == [0b11111111]


def test_encode_applies_mean_and_rotation() -> None:
    swap = np.eye(8, dtype=np.float32)[::-1].copy()
    mean = np.array([5, 0, 0, 0, 0, 0, 0, -5], np.float32)
    row = np.array([[6, -1, -1, -1, -1, -1, 1, -6]], np.float32)
    assert Binarizer(mean, swap, "itq").encode(row).tolist() == [[0b01000001]]


@given(arrays(np.bool_, st.tuples(st.integers(0, 5), st.integers(1, 70))))
def test_codes_unpack_to_the_signs_they_were_packed_from(bits: Bits) -> None:
    dims = bits.shape[1]
    codes = keep_signs(dims).encode(np.where(bits, 1, -1).astype(np.float32))
    assert codes.shape == (len(bits), count_bits(dims) // 8)
    rows = unpack_codes(codes, dims)
    assert rows.dtype == np.float32
    assert np.array_equal(rows > 0, bits)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(bits)), abs=1e-5)
    assert np.array_equal(keep_signs(dims).encode(rows), codes)


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_hamming_equals_a_count_bit_by_bit(length: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    a, b = (random.integers(0, 256, (count, length), dtype=np.uint8) for count in (3, 4))
    naive = [
        [sum((int(x) ^ int(y)).bit_count() for x, y in zip(one, other, strict=True)) for other in b]
        for one in a
    ]
    assert find_hamming(a, b).tolist() == naive


@given(st.integers(1, 4096), st.data())
def test_similarity_is_larger_where_the_distance_is_smaller(bits: int, data: st.DataObject) -> None:
    distances = sorted(data.draw(st.sets(st.integers(0, bits), min_size=1, max_size=30)))
    similarities = find_similarity(distances, bits)
    assert (np.diff(similarities) < 0).all()
    assert -1 <= similarities.min() <= similarities.max() <= 1


def test_similarity_is_the_cosine_of_unpacked_codes() -> None:
    codes = np.random.default_rng(2).integers(0, 256, (20, 64), dtype=np.uint8)
    rows = unpack_codes(codes, 512)
    assert find_similarity(find_hamming(codes, codes), 512) == pytest.approx(rows @ rows.T, abs=1e-5)


def test_hamming_of_nothing_is_empty() -> None:
    codes = np.zeros((3, 2), np.uint8)
    assert find_hamming(codes, codes[:0]).shape == (3, 0)
    assert find_hamming(codes[:0], codes).shape == (0, 3)


@pytest.mark.parametrize("size", [40, 37])
def test_itq_never_gets_worse_and_ends_better_than_it_began(size: int) -> None:
    rows = draw_rows(600, size)
    losses = [
        measure_loss(fit_binarizer(rows, method="itq", iterations=count), rows) for count in range(0, 40, 2)
    ]
    assert (np.diff(losses) <= 1e-4).all()
    assert losses[-1] < losses[0] - 0.05


def test_itq_rotation_is_orthogonal_and_repeatable() -> None:
    rows = draw_rows(400, 32)
    one, two, other = (fit_binarizer(rows, method="itq", seed=seed) for seed in (7, 7, 8))
    assert one.rotation is not None
    assert two.rotation is not None
    assert other.rotation is not None
    assert one.method == "itq"
    assert one.rotation.dtype == np.float32
    assert one.rotation @ one.rotation.T == pytest.approx(np.eye(32), abs=1e-4)
    assert np.array_equal(one.rotation, two.rotation)
    assert not np.array_equal(one.rotation, other.rotation)


def test_itq_finds_nearer_neighbours_than_plain_signs() -> None:
    random = np.random.default_rng(9)
    centres = random.standard_normal((100, 32)) * np.linspace(3, 0.1, 32)
    noisy = np.repeat(centres, 6, axis=0) + random.standard_normal((600, 32)) * 0.5
    rows = normalise(noisy.astype(np.float32))
    exact = np.argsort(-rows @ rows.T, axis=1, kind="stable")[:, 1:6]
    found = {}
    for binarizer in (fit_binarizer(rows, method="sign"), fit_binarizer(rows, method="itq")):
        codes = binarizer.encode(rows)
        near = np.argsort(find_hamming(codes, codes), axis=1, kind="stable")[:, :12]
        found[binarizer.method] = np.mean([np.isin(exact[at], near[at]).mean() for at in range(len(rows))])
    assert found["itq"] > found["sign"]


def test_fit_falls_back_to_sign_with_fewer_vectors_than_bits() -> None:
    rows = draw_rows(31, 32)
    fitted = fit_binarizer(rows, method="itq")
    assert (fitted.method, fitted.rotation) == ("sign", None)
    assert fitted.mean == pytest.approx(rows.mean(axis=0), abs=1e-6)
    assert fit_binarizer(draw_rows(32, 32), method="itq").method == "itq"


def test_encode_and_codes_refuse_other_shapes() -> None:
    fitted = fit_binarizer(draw_rows(50, 16), method="itq", iterations=2)
    with pytest.raises(ValueError, match=r"\(n, 16\) are wanted, not \(5, 8\)"):
        fitted.encode(draw_rows(5, 8))
    with pytest.raises(ValueError, match="not finite"):
        PLAIN.encode(np.full((1, 8), np.nan, np.float32))
    with pytest.raises(ValueError, match="2 and of 3 bytes"):
        find_hamming(np.zeros((1, 2), np.uint8), np.zeros((1, 3), np.uint8))
    with pytest.raises(ValueError, match="2 bytes are not codes of 8 bits"):
        unpack_codes(np.zeros((1, 2), np.uint8), 8)
    with pytest.raises(ValueError, match="uint8"):
        find_hamming(np.zeros((1, 2), np.int64).astype(np.uint8), np.zeros(2, np.uint8))


@pytest.mark.parametrize("count", [0, 1])
def test_fit_refuses_fewer_than_two_vectors(count: int) -> None:
    with pytest.raises(ValueError, match=f"at least 2 vectors, not {count}"):
        fit_binarizer(draw_rows(count, 8), method="sign")


def test_fit_refuses_what_is_not_finite() -> None:
    with pytest.raises(ValueError, match="not finite"):
        fit_binarizer(np.full((9, 8), np.inf, np.float32), method="itq")
