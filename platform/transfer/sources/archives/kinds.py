"""What a file in an archive is: a photo, a manifest, an archive again, or nothing to us."""

from collections.abc import Callable
from enum import Enum, auto
from pathlib import PurePosixPath

from inference.errors import ImageRejected
from inference.headers import sniff_format
from transfer.sources.manifests import is_manifest

_READ = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp"}
# Pictures that we cannot read are rows, too, so that somebody is told.
_NOT_READ = {
    *(".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".svg", ".psd", ".ico", ".tga", ".qoi"),
    *(".pbm", ".pgm", ".ppm", ".pnm", ".eps", ".dng", ".cr2", ".nef", ".arw"),
}
_PACKED = {".zip", ".zipx", ".7z", ".rar", ".tar", ".cab", ".iso", ".cpio", ".ar", ".arj"}
_COMPRESSED = {".gz", ".tgz", ".bz2", ".tbz", ".tbz2", ".xz", ".txz", ".zst", ".tzst", ".lz4", ".lzma", ".z"}
# ZIP inside, but papers to their owners.
_PAPERS = {".docx", ".xlsx", ".xlsm", ".pptx", ".odt", ".ods", ".odp", ".pages", ".numbers", ".key", ".epub"}
_ARCHIVE_MAGIC = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b\x08",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\x28\xb5\x2f\xfd",
)
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257
_CLUTTER_FOLDERS = frozenset({"__macosx", "@eadir", "$recycle.bin", "system volume information"})
_CLUTTER_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})


class Kind(Enum):
    """What a file is."""

    PHOTO = auto()
    MANIFEST = auto()
    ARCHIVE = auto()
    OTHER = auto()


def tell_kind(name: str, read_head: Callable[[], bytes]) -> Kind:
    """By the name, and where that says nothing, by the first bytes, which are read only then.

    Whether a photo is what its name says is found when it is read.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if _is_clutter(name):
        return Kind.OTHER
    if suffix in _READ | _NOT_READ:
        return Kind.PHOTO
    if suffix in _PACKED | _COMPRESSED:
        return Kind.ARCHIVE
    if is_manifest(name):
        return Kind.MANIFEST
    return Kind.OTHER if suffix in _PAPERS else _sniff(read_head())


def _is_clutter(name: str) -> bool:
    """Whether an operating system put it there, or it is hidden."""
    *folders, plain = name.lower().split("/")
    hidden = any(part.startswith(".") for part in (*folders, plain))
    return hidden or plain in _CLUTTER_FILES or not _CLUTTER_FOLDERS.isdisjoint(folders)


def _sniff(head: bytes) -> Kind:
    if head.startswith(_ARCHIVE_MAGIC) or head[_TAR_MAGIC_AT:].startswith(_TAR_MAGIC):
        return Kind.ARCHIVE
    try:
        sniff_format(head)
    except ImageRejected:
        return Kind.OTHER
    return Kind.PHOTO
