"""How much an archive may hold and make."""

from dataclasses import dataclass, field

from django.conf import settings


def _read_entries() -> int:
    return int(settings.IMPORT_MAX_ENTRIES)


def _read_total() -> int:
    return int(settings.IMPORT_MAX_BYTES)


def _read_photo() -> int:
    return int(settings.MAX_IMAGE_BYTES)


@dataclass(frozen=True)
class ArchiveLimits:
    """Caps on one archive. They hold for what is really read; what a header says is checked first.

    entries: files and folders. total_bytes: uncompressed, all entries together. photo_bytes: one photo; a
    larger one is its row's problem. manifest_bytes: a manifest, uncompressed. names_bytes: all names
    together, since they are held in memory. ratio: most bytes made of one compressed byte, for the whole and
    for each entry, where more than `ratio_from` bytes were made; real photos hardly compress at all.
    """

    entries: int = field(default_factory=_read_entries)
    total_bytes: int = field(default_factory=_read_total)
    photo_bytes: int = field(default_factory=_read_photo)
    manifest_bytes: int = 512 * 2**20
    names_bytes: int = 64 * 2**20
    ratio: int = 200
    ratio_from: int = 2**20
