"""How much of an archive is held in memory: about one photo, and the names."""

import gzip
import io
import random
import shutil
import tarfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.transfer.sources.packing import LIMITS, describe, make_photo, open_packed, pack_zip
from transfer.sources.archives import ArchiveLimits, open_archive

MIB = 2**20
PHOTO = random.Random(0).randbytes(MIB)
PHOTOS = 24


@contextmanager
def at_most(held: int) -> Iterator[None]:
    """No more bytes than these are held at any moment within, above those held before."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < held
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """24 photos of 1 MiB in each kind of archive that is read in another way."""
    folder = tmp_path_factory.mktemp("packed")
    with tarfile.open(folder / "shop.tar", "w") as tar, zipfile.ZipFile(folder / "shop.zip", "w") as archive:
        for number in range(PHOTOS):
            tar.addfile(describe(f"A/{number}.jpg", PHOTO), io.BytesIO(PHOTO))
            archive.writestr(f"A/{number}.jpg", PHOTO, zipfile.ZIP_DEFLATED, 1)
    with (folder / "shop.tar").open("rb") as plain, gzip.open(folder / "shop.tar.gz", "wb", 1) as smaller:
        shutil.copyfileobj(plain, smaller)
    return {name: folder / name for name in ("shop.zip", "shop.tar", "shop.tar.gz")}


@pytest.mark.parametrize("name", ["shop.zip", "shop.tar", "shop.tar.gz"])
def test_large_archive_is_listed_and_read_photo_by_photo(packed: dict[str, Path], name: str) -> None:
    limits = ArchiveLimits(photo_bytes=MIB)
    with (
        packed[name].open("rb") as file,
        open_archive(file, filename=name, columns={}, remote=None, limits=limits) as source,
        at_most(6 * MIB),
    ):
        places = [row.place for row in source.list_rows()]
        assert len(places) == PHOTOS
        for place in places:
            assert source.read_photo(place) == PHOTO


def test_archive_of_many_photos_costs_its_names() -> None:
    packed = pack_zip({f"{number % 500}/{number}.jpg": b"" for number in range(20_000)}, zipfile.ZIP_STORED)
    with open_packed(packed, limits=replace(LIMITS, entries=20_000)) as source, at_most(16 * MIB):
        assert sum(1 for _ in source.list_rows()) == 20_000


def test_long_manifest_is_not_held() -> None:
    """10 MB of it; its rows are put in the order of the photos meanwhile."""
    said = "t" * 300 + "," + "c" * 200
    lines = "".join(f"S{number},{said},{number % 7}.jpg\n" for number in range(20_000))
    files = {
        "m.csv": f"sku,title,category,image\n{lines}".encode(),
        **{f"{n}.jpg": make_photo(n) for n in range(7)},
    }
    with open_packed(pack_zip(files, zipfile.ZIP_STORED)) as source, at_most(7 * MIB):
        last, count = "", 0
        for row in source.list_rows():
            assert last <= row.name
            last, count = row.name, count + 1
    assert count == 20_000
