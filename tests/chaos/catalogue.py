"""A shop's archive: photos of products, some rows bad and some twice, so that every end occurs."""

import io
import zipfile
from dataclasses import dataclass

from tests.api.photos import draw_photo


@dataclass(frozen=True)
class Archive:
    """A ZIP and how its rows must end."""

    data: bytes
    indexed: int
    duplicate: int
    failed: int

    @property
    def ends(self) -> dict[str, int]:
        """Rows by their end."""
        return {"indexed": self.indexed, "duplicate": self.duplicate, "failed": self.failed}


def draw_archive(photos: int) -> Archive:
    """`photos` different ones of four a product; one in fifty besides is a copy, one in fifty is damaged."""
    buffer = io.BytesIO()
    copies = damaged = 0
    with zipfile.ZipFile(buffer, "w") as archive:
        for seed in range(photos):
            data = draw_photo(seed, image_format="JPEG")
            folder = f"sku-{seed // 4:04}"
            archive.writestr(f"{folder}/{seed}.jpg", data)
            if seed % 50 == 0:
                archive.writestr(f"{folder}/{seed}-copy.jpg", data)
                copies += 1
            if seed % 50 == 25:
                archive.writestr(f"{folder}/{seed}-damaged.jpg", data[:200])
                damaged += 1
    return Archive(buffer.getvalue(), photos, copies, damaged)
