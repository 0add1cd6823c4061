import os
import pickle
from collections import OrderedDict
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from inference.checkpoint import read_checkpoint
from inference.errors import ModelCorrupt

MAGIC = 0x1950A86A20F9469CFC6C


class Global:
    """Pickles as a bare reference to `module.name`, which need not exist here."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Writer(pickle._Pickler):  # noqa: SLF001 - the Python one, open to hand-written opcodes
    def persistent_id(self, item: object) -> object:
        return item if isinstance(item, tuple) and item and item[0] == "storage" else None

    def save(self, item: object, save_persistent_id: bool = True) -> None:  # noqa: FBT001, FBT002
        if isinstance(item, Global):
            code = pickle.GLOBAL + f"{item.module}\n{item.name}\n".encode()
            self.write(code)  # type: ignore[attr-defined]  # unknown to its stubs, as are the two below
        elif isinstance(item, Call):
            self.save(item.function)
            self.save(item.arguments)
            self.write(pickle.REDUCE)  # type: ignore[attr-defined]
        else:
            super().save(item, save_persistent_id)  # type: ignore[misc]


class Call:
    def __init__(self, function: Global, *arguments: object) -> None:
        self.function, self.arguments = function, arguments


def save_checkpoint(state: object, storages: dict[str, np.ndarray]) -> bytes:
    buffer = BytesIO()
    for item in (MAGIC, 1001, {"little_endian": True}, state, sorted(storages)):
        Writer(buffer, protocol=2).dump(item)
    for key in sorted(storages):
        buffer.write(len(storages[key]).to_bytes(8, "little") + storages[key].tobytes())
    return buffer.getvalue()


def tensor(key: str, length: int, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> Call:
    storage = ("storage", Global("torch", "FloatStorage"), key, "cpu", length, None)
    return Call(
        Global("torch._utils", "_rebuild_tensor_v2"), storage, offset, shape, stride, 0, OrderedDict()
    )


def test_read_checkpoint_gives_views_with_offset_and_stride() -> None:
    values = np.arange(12, dtype=np.float32)
    state = {"a": tensor("0", 12, 0, (3, 4), (4, 1)), "b": tensor("0", 12, 1, (4, 2), (1, 4))}
    tensors = read_checkpoint(BytesIO(save_checkpoint(state, {"0": values})))
    assert np.array_equal(tensors["a"], values.reshape(3, 4))
    assert np.array_equal(tensors["b"], values.reshape(3, 4)[:2].T + 1)


@pytest.mark.parametrize(
    "tensor_",
    [
        tensor("0", 4, 2, (3,), (1,)),
        tensor("0", 4, 0, (5,), (1,)),
        tensor("0", 4, -1, (2,), (1,)),
        tensor("0", 4, 3, (2,), (-1,)),
    ],
)
def test_read_checkpoint_refuses_a_view_beyond_its_storage(tensor_: Call) -> None:
    with pytest.raises(ModelCorrupt):
        read_checkpoint(BytesIO(save_checkpoint({"a": tensor_}, {"0": np.ones(4, np.float32)})))


@pytest.mark.parametrize("place", range(4))
def test_read_checkpoint_runs_nothing_that_the_file_names(place: int, tmp_path: Path) -> None:
    evidence = tmp_path / "ran"
    attack = Call(Global("os", "mkdir"), str(evidence))
    parts: list[object] = [MAGIC, 1001, {}, {}, []]
    parts[place] = attack
    buffer = BytesIO()
    for part in parts:
        Writer(buffer, protocol=2).dump(part)
    pickle.loads(pickle_of(Call(Global("os", "mkdir"), str(tmp_path / "control"))))
    assert (tmp_path / "control").is_dir()
    with pytest.raises(ModelCorrupt, match=r"os\.mkdir"):
        read_checkpoint(BytesIO(buffer.getvalue()))
    assert not os.path.lexists(evidence)


def pickle_of(item: object) -> bytes:
    buffer = BytesIO()
    Writer(buffer, protocol=2).dump(item)
    return buffer.getvalue()


def test_read_checkpoint_refuses_files_cut_anywhere() -> None:
    whole = save_checkpoint({"a": tensor("0", 4, 0, (4,), (1,))}, {"0": np.ones(4, np.float32)})
    assert read_checkpoint(BytesIO(whole))["a"].sum() == 4
    for length in range(len(whole)):
        with pytest.raises(ModelCorrupt):
            read_checkpoint(BytesIO(whole[:length]))


def test_read_checkpoint_refuses_another_kind_of_file() -> None:
    with pytest.raises(ModelCorrupt):
        read_checkpoint(BytesIO(pickle.dumps({"a": 1})))
