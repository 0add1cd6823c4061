"""Arrays of numbers in a column: little-endian bytes, read back without copying what need not be."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def pack_floats(array: Floats) -> bytes:
    """Little-endian float32 bytes, row by row."""
    return np.ascontiguousarray(array, dtype="<f4").tobytes()


def unpack_floats(stored: bytes | memoryview, *shape: int) -> Floats:
    """The array of this shape; read-only. Raises `ValueError` when the bytes are of another size."""
    return np.frombuffer(stored, dtype="<f4").reshape(shape)
