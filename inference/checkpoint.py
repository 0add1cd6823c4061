"""Tensors out of a PyTorch checkpoint, as data: nothing in the file is executed, and torch is not needed.

A checkpoint is a pickle, and a pickle may name any callable. The unpickler here knows four names, which build
tensors and an ordered dictionary; any other name ends the read. The layout (magic, version, system, object,
storage keys, raw storages) is the legacy one of `torch.save` before version 1.6.
"""

import pickle
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from inference.errors import ModelCorrupt

Tensor = npt.NDArray[np.float32]

_MAGIC = 0x1950A86A20F9469CFC6C
_LENGTH_BYTES = 8


@dataclass
class _Storage:
    dtype: np.dtype[np.generic]
    length: int
    values: npt.NDArray[np.generic] = field(init=False)


@dataclass(frozen=True)
class _LazyTensor:
    """A view into a storage whose bytes come later in the file. `stride` is in elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def read(self) -> npt.NDArray[np.generic]:
        end = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.stride, strict=True)) + 1
        if min(self.offset, *self.stride, 0) < 0 or end > self.storage.length:
            raise ModelCorrupt("A tensor of the checkpoint reaches beyond its storage.")
        values = self.storage.values
        strides = tuple(s * values.itemsize for s in self.stride)
        view = np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, strides, writeable=False)
        return np.ascontiguousarray(view).reshape(self.shape)


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_autograd: object
) -> _LazyTensor:
    return _LazyTensor(storage, offset, shape, stride)


_ALLOWED: dict[tuple[str, str], object] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


class _TensorUnpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in _ALLOWED:
            raise ModelCorrupt(
                f"The checkpoint names {module}.{name}, which is no tensor. It was not loaded."
            )
        return _ALLOWED[module, name]

    def persistent_load(self, pid: tuple[str, np.dtype[np.generic], str, str, int, object]) -> _Storage:
        _, dtype, key, _, length, _ = pid
        return self.storages.setdefault(key, _Storage(dtype, length))


def read_checkpoint(file: BinaryIO) -> dict[str, Tensor]:
    """The float tensors of a state dictionary, by name, as float32 arrays of the shapes they were saved with.

    `file` is read from its position on, in binary. Integer tensors (batch counters) are left out.
    Raises ModelCorrupt when the file is no legacy checkpoint, is cut short, or names anything but tensors.
    """
    try:
        return _read_state(file)
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, LookupError) as error:
        raise ModelCorrupt(f"The checkpoint cannot be read: {error}") from error


def _read_state(file: BinaryIO) -> dict[str, Tensor]:
    # The number is read by the restricted unpickler too: a plain pickle.load here would undo the rest.
    if _TensorUnpickler(file).load() != _MAGIC:
        raise ModelCorrupt("The file is not a checkpoint of the expected layout.")
    for _ in ("protocol version", "system information"):
        _TensorUnpickler(file).load()
    unpickler = _TensorUnpickler(file)
    state = unpickler.load()
    for key in _TensorUnpickler(file).load():
        _fill_storage(unpickler.storages[key], file.read)
    tensors = {name: lazy.read() for name, lazy in state.items()}
    return {
        name: np.asarray(tensor, np.float32) for name, tensor in tensors.items() if tensor.dtype.kind == "f"
    }


def _fill_storage(storage: _Storage, read: Callable[[int], bytes]) -> None:
    length = int.from_bytes(read(_LENGTH_BYTES), "little", signed=True)
    if length != storage.length:
        raise ModelCorrupt(
            f"A storage of the checkpoint has {length} values, {storage.length} were promised."
        )
    data = read(length * storage.dtype.itemsize)
    storage.values = np.frombuffer(data, storage.dtype, count=length)
