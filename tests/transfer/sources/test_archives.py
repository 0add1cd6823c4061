"""What an honest archive gives: rows by its folders or its manifest, and the bytes of each photo."""

import tarfile
import unicodedata
import zipfile
from collections.abc import Sequence

import pytest
from django.conf import settings

from tests.transfer.sources.packing import (
    KINDS,
    LIMITS,
    TARS,
    Watched,
    list_packed,
    make_photo,
    open_packed,
    pack,
    pack_tar,
    pack_zip,
)
from transfer.errors import RowRefused, SourceRefused
from transfer.sources.archives import ArchiveLimits, open_archive
from transfer.sources.source import SourceRow

MANIFEST = b"sku,title,image\nA,Apple,photos/1.jpg\nB,Bread,photos/2.jpg\n"


class Shelf:
    """A reader of photos that lie elsewhere."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def read_photo(self, place: str) -> bytes:
        self.asked.append(place)
        return make_photo(99)


def skus(rows: Sequence[SourceRow]) -> list[tuple[str, str]]:
    return [(row.sku, row.name) for row in rows]


def codes(rows: Sequence[SourceRow]) -> list[str]:
    return [row.problem.code if row.problem else "" for row in rows]


@pytest.mark.parametrize("kind", KINDS)
def test_archive_gives_a_row_for_each_photo_in_a_products_folder(kind: str) -> None:
    files = {"A/1.jpg": make_photo(1), "A/2.png": make_photo(2), "B/front/1.JPG": make_photo(3)}
    with open_packed(pack(kind, files)) as source:
        rows = list(source.list_rows())
        read = [source.read_photo(row.place) for row in rows]

    assert skus(rows) == [("A", "1.jpg"), ("A", "2.png"), ("B", "front/1.JPG")]
    assert [row.line for row in rows] == [1, 2, 3]
    assert codes(rows) == ["", "", ""]
    assert read == list(files.values())


@pytest.mark.parametrize("kind", KINDS)
def test_photo_is_read_by_a_source_that_has_not_listed_the_archive(kind: str) -> None:
    packed = pack(kind, {f"A/{number}.jpg": make_photo(number) for number in range(5)})
    places = [row.place for row in list_packed(packed)]

    with open_packed(packed) as source:
        assert [source.read_photo(place) for place in places] == [make_photo(n) for n in range(5)]
    with open_packed(packed) as source:
        assert source.read_photo(places[3]) == make_photo(3)
        assert source.read_photo(places[1]) == make_photo(1)


@pytest.mark.parametrize("style", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar_is_read_in_each_of_its_styles(style: int) -> None:
    long = f"{'folder' * 12}/{'photo' * 19}.jpg"
    if style != tarfile.USTAR_FORMAT:
        long = f"{'folder' * 12}/{'photo' * 50}.jpg"
    rows = list_packed(pack_tar({long: make_photo(1), "Käse/1.jpg": make_photo(2)}, style))
    assert skus(rows) == [("folder" * 12, long.partition("/")[2]), ("Käse", "1.jpg")]


def test_zip_is_read_whether_its_entries_are_compressed_or_not() -> None:
    files = {"A/1.jpg": make_photo(1) * 1000}
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with open_packed(pack_zip(files, method)) as source:
            (row,) = source.list_rows()
            assert source.read_photo(row.place) == files["A/1.jpg"]


def test_zip_rows_come_in_the_order_of_their_bytes() -> None:
    packed = pack_zip({f"{sku}/1.jpg": make_photo() for sku in "CAB"})
    assert [row.sku for row in list_packed(packed)] == ["C", "A", "B"]


@pytest.mark.parametrize("kind", KINDS)
def test_only_top_folder_is_left_out(kind: str) -> None:
    files = {"shop/readme.txt": b"hello", "shop/A/1.jpg": make_photo(1), "shop/B/1.jpg": make_photo(2)}
    assert skus(list_packed(pack(kind, files))) == [("A", "1.jpg"), ("B", "1.jpg")]


def test_only_folder_is_a_product_where_photos_lie_right_in_it() -> None:
    assert skus(list_packed(pack_zip({"A/1.jpg": make_photo(1), "A/2.jpg": make_photo(2)}))) == [
        ("A", "1.jpg"),
        ("A", "2.jpg"),
    ]


def test_photo_in_no_folder_is_a_row_with_a_problem() -> None:
    rows = list_packed(pack_zip({"logo.jpg": make_photo(1), "A/1.jpg": make_photo(2)}))
    assert codes(rows) == ["photo_without_folder", ""]
    assert "'logo.jpg' lies in no product's folder" in str(rows[0].problem)


def test_photo_right_in_the_shops_folder_is_a_row_with_a_problem() -> None:
    rows = list_packed(pack_zip({"shop/logo.jpg": make_photo(1), "shop/A/1.jpg": make_photo(2)}))
    assert [(row.sku, row.name) for row in rows] == [("", "logo.jpg"), ("A", "1.jpg")]
    assert codes(rows) == ["photo_without_folder", ""]


def test_stray_photo_at_the_top_leaves_the_shops_folder_no_product() -> None:
    rows = list_packed(pack_zip({"logo.jpg": make_photo(1), "shop/A/1.jpg": make_photo(2)}))
    assert skus(rows) == [("", "logo.jpg"), ("A", "1.jpg")]
    assert codes(rows) == ["photo_without_folder", ""]


@pytest.mark.parametrize("kind", KINDS)
def test_clutter_is_no_row(kind: str) -> None:
    clutter = [
        *("A/.DS_Store", "A/Thumbs.db", "__MACOSX/A/._1.jpg", "A/.hidden.jpg", ".git/A/1.jpg"),
        *("A/readme.txt", "A/prices.xlsx", "A/desktop.ini", "A/README", "A/@eaDir/1.jpg", "A/Icon\r"),
    ]
    files = {"A/1.jpg": make_photo(), **dict.fromkeys(clutter, b"PK no picture")}
    files["A/prices.xlsx"] = pack_zip({"sheet.xml": b"<x/>"})
    assert skus(list_packed(pack(kind, files))) == [("A", "1.jpg")]


@pytest.mark.parametrize("kind", KINDS)
def test_photo_without_an_ending_is_known_by_its_first_bytes(kind: str) -> None:
    rows = list_packed(pack(kind, {"A/photo": make_photo(1), "A/notes": b"text", "A/2.front": make_photo(2)}))
    assert skus(rows) == [("A", "photo"), ("A", "2.front")]


def test_picture_of_a_kind_we_cannot_read_is_a_row_for_its_reader_to_refuse() -> None:
    assert skus(list_packed(pack_zip({"A/1.heic": b"ftypheic"}))) == [("A", "1.heic")]


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_composed(kind: str) -> None:
    decomposed = unicodedata.normalize("NFD", "Käse/größe.jpg")
    assert skus(list_packed(pack(kind, {f"./{decomposed}": make_photo()}))) == [("Käse", "größe.jpg")]


@pytest.mark.parametrize(("encoding", "read"), [("utf-8", "Käse"), ("cp437", "Käse")])
def test_zip_name_without_its_flag_is_utf8_or_else_cp437(encoding: str, read: str) -> None:
    packed = pack_zip({"K__se/1.jpg" if encoding == "utf-8" else "K_se/1.jpg": make_photo()})
    packed = packed.replace(b"K__se" if encoding == "utf-8" else b"K_se", "Käse".encode(encoding))
    assert [row.sku for row in list_packed(packed)] == [read]


def test_tar_name_that_is_not_utf8_is_latin1() -> None:
    info = tarfile.TarInfo("Käse/1.jpg")
    packed = info.tobuf(tarfile.USTAR_FORMAT, "latin-1") + bytes(1024)
    assert [row.sku for row in list_packed(packed)] == ["Käse"]


def test_photo_over_its_limit_is_a_row_with_a_problem() -> None:
    rows = list_packed(
        pack_zip({"A/1.jpg": bytes(2000), "A/2.jpg": bytes(2001)}), ArchiveLimits(photo_bytes=2000)
    )
    assert codes(rows) == ["", "image_too_large"]
    assert rows[1].place == ""


def test_folder_that_is_too_long_for_a_sku_is_a_row_with_a_problem() -> None:
    (row,) = list_packed(pack_zip({f"{'A' * 101}/1.jpg": make_photo()}))
    assert codes([row]) == ["row_invalid"]
    assert row.sku == "A" * 100


@pytest.mark.parametrize("top", ["", "shop/"])
@pytest.mark.parametrize("kind", KINDS)
def test_manifest_decides_and_its_paths_are_relative_to_it(kind: str, top: str) -> None:
    files = {
        f"{top}products.csv": MANIFEST,
        f"{top}photos/1.jpg": make_photo(1),
        f"{top}photos/2.jpg": make_photo(2),
        f"{top}photos/unnamed.jpg": make_photo(3),
    }
    with open_packed(pack(kind, files)) as source:
        rows = list(source.list_rows())
        assert [source.read_photo(row.place) for row in rows] == [make_photo(1), make_photo(2)]
    assert [(row.line, row.sku, row.name, dict(row.fields)) for row in rows] == [
        (2, "A", "1.jpg", {"title": "Apple"}),
        (3, "B", "2.jpg", {"title": "Bread"}),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_a_manifest_come_in_the_order_of_the_photos(kind: str) -> None:
    numbers = [4, 2, 0, 3, 1]
    manifest = "sku,image\n" + "".join(f"S{number},{number}.jpg\n" for number in numbers)
    photos = {f"{number}.jpg": make_photo(number) for number in range(5)}
    for files in ({"m.csv": manifest.encode(), **photos}, {**photos, "m.csv": manifest.encode()}):
        rows = list_packed(pack(kind, files))
        assert [row.sku for row in rows] == ["S0", "S1", "S2", "S3", "S4"]
        assert [row.line for row in rows] == [4, 6, 3, 5, 2]


def test_manifest_finds_photos_however_their_path_is_written() -> None:
    name = unicodedata.normalize("NFD", "photos/größe.jpg")
    manifest = "sku,image\nA,photos\\größe.jpg\nB,./photos/größe.jpg\n"
    rows = list_packed(pack_zip({"m.csv": manifest.encode(), name: make_photo()}))
    assert codes(rows) == ["", ""]


def test_manifest_row_whose_photo_is_missing_has_a_problem() -> None:
    manifest = b"sku,image\nA,1.jpg\nB,../1.jpg\nC,readme.txt\n"
    rows = list_packed(pack_zip({"m.csv": manifest, "1.jpg": make_photo(), "readme.txt": b"hello"}))
    assert {row.sku: code for row, code in zip(rows, codes(rows), strict=True)} == {
        "A": "",
        "B": "photo_missing",
        "C": "photo_missing",
    }


@pytest.mark.parametrize("top", ["", "shop/"])
@pytest.mark.parametrize("photos", [{}, {"1.jpg": make_photo()}], ids=["none", "one"])
def test_manifest_row_without_an_image_has_no_place(top: str, photos: dict[str, bytes]) -> None:
    manifest = b"sku,image\n" + b"".join(f"P,{name}\n".encode() for name in photos) + b"A,\nB,\n"
    files = {"m.csv": manifest, **photos}
    rows = list_packed(pack_zip({f"{top}{name}": data for name, data in files.items()}))
    assert set(codes(rows)) == {""}
    assert [row.sku for row in rows] == ["P"] * len(photos) + ["A", "B"]
    assert [(row.place, row.name) for row in rows[-2:]] == [("", "")] * 2


def test_manifest_row_that_is_wrong_keeps_its_own_problem() -> None:
    rows = list_packed(pack_zip({"m.csv": b"sku,image\n,1.jpg\n", "1.jpg": make_photo()}))
    assert codes(rows) == ["row_invalid"]
    assert rows[0].line == 2


def test_columns_are_mapped() -> None:
    packed = pack_zip({"m.csv": b"Artikelnummer,Bild\nA,1.jpg\n", "1.jpg": make_photo()})
    with open_packed(packed, columns={"sku": "Artikelnummer", "image": "Bild"}) as source:
        assert [row.sku for row in source.list_rows()] == ["A"]


def test_url_in_a_manifest_is_read_where_it_is_allowed() -> None:
    shelf = Shelf()
    with open_packed(
        pack_zip({"m.csv": b"sku,image\nA,https://shop.example/1.jpg\n"}), remote=shelf
    ) as source:
        (row,) = source.list_rows()
        assert source.read_photo(row.place) == make_photo(99)
    assert (row.problem, shelf.asked) == (None, ["https://shop.example/1.jpg"])


def test_url_in_a_manifest_is_a_problem_where_it_is_not_allowed() -> None:
    with open_packed(pack_zip({"m.csv": b"sku,image\nA,https://shop.example/1.jpg\n"})) as source:
        assert codes(list(source.list_rows())) == ["urls_not_allowed"]
        with pytest.raises(RowRefused) as caught:
            source.read_photo("https://shop.example/1.jpg")
    assert caught.value.code == "urls_not_allowed"


@pytest.mark.parametrize("top", ["", "shop/"])
def test_two_manifests_are_refused(top: str) -> None:
    with pytest.raises(SourceRefused, match=r"two manifests, '.*a\.csv' and '.*b\.jsonl'") as caught:
        list_packed(pack_zip({f"{top}a.csv": MANIFEST, f"{top}b.jsonl": b"{}", f"{top}1.jpg": make_photo()}))
    assert caught.value.code == "manifest_ambiguous"


def test_table_in_a_products_folder_is_no_manifest() -> None:
    files = {"A/sizes.csv": b"s,m,l", "A/1.jpg": make_photo(1), "B/1.jpg": make_photo(2)}
    assert skus(list_packed(pack_zip(files))) == [("A", "1.jpg"), ("B", "1.jpg")]


def test_manifest_that_is_wrong_refuses_the_whole() -> None:
    with pytest.raises(SourceRefused):
        list_packed(pack_zip({"m.csv": b"colour,size\nred,4\n", "1.jpg": make_photo()}))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("files", [{}, {"readme.txt": b"hello"}])
def test_archive_with_nothing_in_it_is_refused(kind: str, files: dict[str, bytes]) -> None:
    source = open_packed(pack(kind, files), filename=f"shop.{kind}")
    with source, pytest.raises(SourceRefused) as caught:
        list(source.list_rows())
    assert caught.value.code == "archive_empty"


@pytest.mark.parametrize("packed", [b"", b"hello", b"Rar!\x1a\x07\x00", bytes(2000)])
def test_file_that_is_no_archive_is_refused(packed: bytes) -> None:
    with pytest.raises(SourceRefused, match=r"'shop\.archive' is no archive") as caught:
        open_packed(packed)
    assert caught.value.code == "archive_unsupported"


@pytest.mark.parametrize("kind", TARS)
def test_source_goes_on_after_its_storage_was_away(kind: str) -> None:
    packed = pack(kind, {f"A/{number}.jpg": make_photo(number) for number in range(20)})
    file = Watched(packed)
    with open_archive(file, filename="shop", columns={}, remote=None, limits=LIMITS) as source:
        places = [row.place for row in source.list_rows()]
        file.away = True
        with pytest.raises(ConnectionError):
            source.read_photo(places[0])
        file.away = False
        assert [source.read_photo(place) for place in places] == [make_photo(n) for n in range(20)]


def test_limits_are_those_of_the_settings() -> None:
    limits = ArchiveLimits()
    assert limits.entries == settings.IMPORT_MAX_ENTRIES == 200_000
    assert limits.total_bytes == settings.IMPORT_MAX_BYTES == 50 * 2**30
    assert limits.photo_bytes == settings.MAX_IMAGE_BYTES
    assert limits.ratio == 200
    assert LIMITS.entries == 1000
