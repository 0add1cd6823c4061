"""Vectors to bits and back: sign of the centred vector, after a rotation where one was fitted.

Codes are packed as numpy.packbits does and Milvus wants: the first bit is the most significant of the first
byte, and a last byte that is not full is filled with zeros.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from inference.vectors import Vectors, check_rows, spread_bits

Codes = npt.NDArray[np.uint8]
Distances = npt.NDArray[np.int64]
Method = Literal["sign", "itq"]

DEFAULT_ITERATIONS = 50

_FEWEST = 2
_MOST_ROWS = 20_000
_BYTE = 8
_WORD = 8


@dataclass(frozen=True, eq=False)
class Binarizer:
    """`mean` (d,) float32 is taken off, `rotation` (d, d) float32 applied; `method` is how they were found.

    With `mean` None each vector loses the mean of its own numbers: features after a ReLU are never negative,
    and without that nearly every bit would be 1. That is for a gallery on which nothing was fitted yet. For
    an embedder that emits codes, a mean of zeros gives its own bits back.
    """

    mean: Vectors | None
    rotation: Vectors | None
    method: Method

    def encode(self, vectors: Vectors) -> Codes:
        """(n, d) float32 to (n, ceil(d / 8)) uint8; a bit is 1 where the number is above 0.

        Raises ValueError when the vectors are not finite, or not of the length that was fitted.
        """
        return np.packbits(rotate_vectors(self, vectors) > 0, axis=1)


def rotate_vectors(binarizer: Binarizer, vectors: Vectors) -> Vectors:
    """The numbers (n, d) whose signs are the bits. Raises ValueError as `Binarizer.encode`."""
    fitted = binarizer.rotation if binarizer.mean is None else binarizer.mean
    check_rows(vectors, dim=None if fitted is None else len(fitted))
    mean = vectors.mean(axis=1, keepdims=True) if binarizer.mean is None else binarizer.mean
    centred = vectors - mean
    return centred if binarizer.rotation is None else centred @ binarizer.rotation


def fit_binarizer(
    vectors: Vectors, *, method: Method, iterations: int = DEFAULT_ITERATIONS, seed: int = 0
) -> Binarizer:
    """A binarizer for vectors like these (n, d), centred on their mean.

    `itq` also fits a rotation (Gong and Lazebnik, CVPR 2011, section 2.2), on 20,000 of the vectors at most;
    the same `seed` gives the same one. Fewer vectors than bits cannot tell a rotation, so the result is then
    of method `sign`: look at its `method`. Raises ValueError for fewer than two vectors, or not finite ones.
    """
    check_rows(vectors)
    if len(vectors) < _FEWEST:
        raise ValueError(f"A binarizer is fitted on at least {_FEWEST} vectors, not {len(vectors)}.")
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    if method == "sign" or len(vectors) < vectors.shape[1]:
        return Binarizer(mean, None, "sign")
    random = np.random.default_rng(seed)
    chosen = random.choice(len(vectors), min(len(vectors), _MOST_ROWS), replace=False, shuffle=False)
    return Binarizer(mean, _fit_rotation(vectors[chosen] - mean, iterations, random), "itq")


def measure_loss(binarizer: Binarizer, vectors: Vectors) -> float:
    """The mean of |b - v|^2 over the centred and rotated rows v and their signs b: what ITQ brings down."""
    rotated = rotate_vectors(binarizer, vectors)
    return float(((np.copysign(np.float32(1), rotated) - rotated) ** 2).sum(axis=1, dtype=np.float64).mean())


def unpack_codes(codes: Codes, dims: int) -> Vectors:
    """Codes (n, ceil(dims / 8)) as unit rows (n, dims) of +-1/sqrt(dims): the cosine of two is
    1 - 2 h / dims. Raises ValueError when the codes are not that long.
    """
    _check_codes(codes)
    if count_bits(dims) != codes.shape[1] * _BYTE:
        raise ValueError(f"Codes of {codes.shape[1]} bytes are not codes of {dims} bits.")
    return spread_bits(np.unpackbits(codes, axis=1, count=dims).astype(bool))


def count_bits(dims: int) -> int:
    """Length in bits of the code of a vector of `dims` numbers: the next multiple of 8."""
    return -(-dims // _BYTE) * _BYTE


def find_hamming(a: Codes, b: Codes) -> Distances:
    """(n, m) numbers of bits in which the codes `a` (n, bytes) and `b` (m, bytes) differ; smaller is nearer.

    Raises ValueError when they differ in length.
    """
    _check_codes(a)
    _check_codes(b)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"Codes of {a.shape[1]} and of {b.shape[1]} bytes cannot be compared.")
    rows, columns = _join_words(a), np.ascontiguousarray(_join_words(b).T)
    found = np.empty((len(a), len(b)), np.int64)
    for at, row in enumerate(rows):
        found[at] = np.bitwise_count(columns ^ row[:, None]).sum(axis=0, dtype=np.int64)
    return found


def find_similarity(distances: npt.ArrayLike, bits: int) -> npt.NDArray[np.float64]:
    """1 - 2 h / bits: what the cosine of two codes of `bits` bits is at the hamming distance h; -1 to 1."""
    return np.asarray(1 - 2 * np.asarray(distances, np.float64) / bits, np.float64)


def _fit_rotation(centred: Vectors, iterations: int, random: np.random.Generator) -> Vectors:
    """From a random orthogonal start: signs for the rotation, then the best rotation for the signs."""
    width = centred.shape[1]
    rotation = np.linalg.qr(random.standard_normal((width, width)))[0].astype(np.float32)
    for _ in range(iterations):
        signs = np.copysign(np.float32(1), centred @ rotation)
        # Orthogonal Procrustes: the rotation that brings the vectors nearest to their signs.
        left, _, right = np.linalg.svd(centred.T @ signs)
        rotation = left @ right
    return np.ascontiguousarray(rotation, np.float32)


def _join_words(codes: Codes) -> npt.NDArray[np.uint64]:
    """The same bits eight bytes at a time, filled up with zeros, which differ in no code."""
    spare = -codes.shape[1] % _WORD
    return np.ascontiguousarray(np.pad(codes, ((0, 0), (0, spare)))).view(np.uint64)


def _check_codes(codes: Codes) -> None:
    if codes.ndim != 2 or codes.dtype != np.uint8:  # noqa: PLR2004 - rows and columns
        raise ValueError(f"Codes are (n, bytes) uint8, not {codes.shape} {codes.dtype}.")
