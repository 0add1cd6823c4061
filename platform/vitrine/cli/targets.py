"""Files that the command writes: whole, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from vitrine.errors import FileProblem


@contextmanager
def open_target(path: Path) -> Iterator[BinaryIO]:
    """The file to write to, under another name until the block ends well. Raises `FileProblem`."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise FileProblem("file_unwritable", f"{path} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
