"""Rows of float32: what an embedder gives, and what projections and codes are made from."""

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Bits = npt.NDArray[np.bool_]

_NO_LENGTH = 1e-12


def normalise(rows: Vectors) -> Vectors:
    """Rows (n, dim) brought to unit length; a row of zeros stays one."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, _NO_LENGTH), np.float32)


def spread_bits(bits: Bits) -> Vectors:
    """Bits (n, dim) as rows of +-1/sqrt(dim), of unit length: the cosine of two is 1 - 2 h / dim at h
    differing bits.
    """
    side = np.float32(1 / np.sqrt(bits.shape[-1]))
    return np.where(bits, side, -side).astype(np.float32)


def check_rows(vectors: Vectors, *, dim: int | None = None) -> None:
    """Raises ValueError unless `vectors` is (n, dim) and every number of it is finite. None: any dim."""
    if vectors.ndim != 2 or dim not in (None, vectors.shape[1]):  # noqa: PLR2004 - rows and columns
        wanted = "dim" if dim is None else dim
        raise ValueError(f"Vectors of shape (n, {wanted}) are wanted, not {vectors.shape}.")
    if not np.isfinite(vectors).all():
        raise ValueError("Some vectors hold numbers that are not finite (NaN or infinity).")
