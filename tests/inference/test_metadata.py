"""Files without what cameras write into them, and with the very same pixels."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from inference.images import ImageLimits, ImageRejected, Picture, decode_picture
from inference.metadata import remove_metadata
from tests.inference.pictures import EXIF_ORIENTATION, draw_corners, encode, encode_oriented

SECRET = b"Lake House, 52.3N 4.9E"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
CORNERS = draw_corners()
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
LIMITS = ImageLimits(max_pixels=4_000_000)


def make_exif(orientation: int = 1, note: bytes = SECRET) -> Image.Exif:
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    exif[0x010E] = note.decode("latin-1")
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (52.0, 22.0, 30.0)
    return exif


def describe(format_: str, **options: Any) -> bytes:
    """A picture with all that its format has room for."""
    picture = Image.fromarray(CORNERS)
    if format_ == "GIF":
        return encode(picture.quantize(8), format_, comment=SECRET, **options)
    if format_ == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", SECRET.decode())
        text.add_text("Author", SECRET.decode(), zip=True)
        text.add_itxt("XML:com.adobe.xmp", SECRET.decode())
        options["pnginfo"] = text
    if format_ == "JPEG":
        options["comment"] = SECRET
    if format_ != "BMP":
        options.setdefault("exif", make_exif())
    if format_ in ("JPEG", "WEBP"):
        options["xmp"] = b"<x:xmpmeta>" + SECRET
    return (
        encode(picture, format_, icc_profile=PROFILE, **options)
        if format_ != "BMP"
        else encode(picture, format_)
    )


def same_pixels(one: bytes, other: bytes) -> bool:
    first, second = (decode_picture(data, limits=LIMITS, working_side=None) for data in (one, other))
    return np.array_equal(first.pixels, second.pixels)


@pytest.mark.parametrize("format_", FORMATS)
def test_metadata_goes_and_pixels_stay(format_: str) -> None:
    told = describe(format_) + SECRET * 3
    clean = remove_metadata(told)
    assert SECRET not in clean
    assert zlib.compress(SECRET) not in clean
    assert len(clean) < len(told)
    assert same_pixels(clean, told)
    with Image.open(BytesIO(clean)) as image:
        assert dict(image.getexif()) == {}
        assert not {"comment", "Comment", "Author", "xmp", "exif"} & image.info.keys()
        assert image.info.get("icc_profile", PROFILE) == PROFILE


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_colour_profile_stays(format_: str) -> None:
    with Image.open(BytesIO(remove_metadata(describe(format_)))) as image:
        assert image.info["icc_profile"] == PROFILE


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_orientation_stays_and_says_nothing_else(format_: str, orientation: int) -> None:
    told = describe(format_, exif=make_exif(orientation))
    clean = remove_metadata(told)
    assert SECRET not in clean
    assert same_pixels(clean, told)
    with Image.open(BytesIO(clean)) as image:
        assert dict(image.getexif()) == ({} if orientation == 1 else {EXIF_ORIENTATION: orientation})


@pytest.mark.parametrize("format_", FORMATS)
def test_removing_again_changes_nothing(format_: str) -> None:
    options = {} if format_ in ("GIF", "BMP") else {"exif": make_exif(6)}
    clean = remove_metadata(describe(format_, **options))
    assert remove_metadata(clean) == clean


def test_the_same_photo_with_other_metadata_is_the_same_file() -> None:
    notes = [remove_metadata(describe("JPEG", exif=make_exif(3, note))) for note in (b"one", b"another")]
    assert notes[0] == notes[1]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: encode(CORNERS, "JPEG", progressive=True),
        lambda: encode(CORNERS, "JPEG", restart_marker_blocks=2),
        lambda: encode(Image.fromarray(CORNERS).convert("CMYK"), "JPEG", exif=make_exif()),
        lambda: encode(Image.fromarray(CORNERS).convert("L"), "JPEG", exif=make_exif()),
        lambda: encode(CORNERS, "JPEG", quality=100, subsampling=0, keep_rgb=True),
        lambda: encode(Image.fromarray(CORNERS).quantize(4), "PNG", transparency=1, exif=make_exif()),
        lambda: encode(np.dstack([CORNERS, CORNERS[..., :1]]), "PNG", exif=make_exif(8)),
        lambda: encode(np.linspace(0, 65535, 600).astype(np.uint16).reshape(20, 30), "PNG"),
        lambda: encode(np.dstack([CORNERS, CORNERS[..., :1]]), "WEBP", lossless=True, exif=make_exif(6)),
        lambda: encode(np.dstack([CORNERS, CORNERS[..., :1]]), "WEBP", exif=make_exif(6)),
        lambda: encode(Image.fromarray(CORNERS).quantize(8), "GIF", transparency=2),
        lambda: encode(Image.fromarray(CORNERS).quantize(8), "BMP"),
        lambda: encode(Image.fromarray(CORNERS).convert("1"), "BMP"),
        lambda: encode(np.dstack([CORNERS, CORNERS[..., :1]]), "BMP"),
    ],
)
def test_pixels_of_every_kind_stay(draw: Callable[[], bytes]) -> None:
    data = draw()
    clean = remove_metadata(data)
    assert SECRET not in clean
    assert same_pixels(clean, data)


def test_previews_go_and_the_photograph_stays() -> None:
    buffer = BytesIO()
    preview = Image.new("RGB", (40, 40), (9, 200, 9))
    Image.fromarray(CORNERS).save(buffer, "MPO", save_all=True, append_images=[preview], exif=make_exif(6))
    data = buffer.getvalue()
    clean = remove_metadata(data)
    assert data.count(b"\xff\xd8\xff") == 2
    assert clean.count(b"\xff\xd8\xff") == 1
    assert same_pixels(clean, data)
    with Image.open(BytesIO(clean)) as image:
        assert image.format == "JPEG"


def test_preview_in_the_first_segment_of_a_jpeg_goes() -> None:
    data = encode(CORNERS, "JPEG")
    assert data[2:4] == b"\xff\xe0"
    preview = bytes(range(3 * 4 * 4))
    head = data[6:18] + b"\x04\x04" + preview
    told = data[:4] + struct.pack(">H", len(head) + 2) + head + data[20:]
    clean = remove_metadata(told)
    assert preview not in clean
    assert same_pixels(clean, told)


def test_metadata_between_the_scans_of_a_jpeg_goes() -> None:
    data = encode(CORNERS, "JPEG", progressive=True)
    second = data.index(b"\xff\xda", data.index(b"\xff\xda") + 1)
    table = data.rindex(b"\xff\xc4", 0, second)
    for at in (table, second):
        told = data[:at] + b"\xff\xfe" + struct.pack(">H", len(SECRET) + 2) + SECRET + data[at:]
        clean = remove_metadata(told)
        assert clean == remove_metadata(data)
        assert same_pixels(clean, told)


def test_exif_behind_the_pixels_of_a_png_turns_it_still() -> None:
    data = encode_oriented(CORNERS, 6, "PNG")
    at = data.index(b"eXIf") - 4
    length = struct.unpack_from(">I", data, at)[0] + 12
    moved = data[:at] + data[at + length : -12] + data[at : at + length] + data[-12:]
    assert same_pixels(remove_metadata(moved), data)


@pytest.mark.parametrize(
    "data", [b"", b"%PDF-1.7", b"GIF89a", b"\xff\xd8\xff", b"BM", b"RIFF\0\0\0\0WEBPVP8X"]
)
def test_bytes_that_are_no_picture_are_for_the_decoder_to_refuse(data: bytes) -> None:
    with pytest.raises(ImageRejected):
        decode_picture(remove_metadata(data))


@given(
    format_=st.sampled_from(["JPEG", "PNG", "WEBP"]),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    exif=st.builds(make_exif, st.integers(0, 9), st.binary(min_size=1, max_size=200)),
    tail=st.binary(max_size=40),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_pixels_stay_whatever_the_picture_and_its_metadata(
    format_: str, size: tuple[int, int], exif: Image.Exif, tail: bytes, seed: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    data = encode(pixels, format_, exif=exif) + tail
    clean = remove_metadata(data)
    assert same_pixels(clean, data)
    assert remove_metadata(clean) == clean


@given(
    name=st.sampled_from(FORMATS),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8),
    kept=st.floats(0, 1),
)
@settings(max_examples=150, deadline=None)
def test_damaged_files_raise_nothing_and_are_clean_the_first_time(
    name: str, changes: list[tuple[float, int]], kept: float
) -> None:
    data = bytearray(_SEEDS[name])
    for place, value in changes:
        data[int(place**3 * (len(data) - 1))] = value
    clean = remove_metadata(bytes(data[: max(1, int(len(data) * (0.5 + kept)))]))
    assert remove_metadata(clean) == clean


_SEEDS = {name: describe(name) for name in FORMATS}


def decode_or_none(data: bytes) -> Picture | None:
    try:
        return decode_picture(data, limits=LIMITS)
    except ImageRejected:
        return None


@pytest.mark.parametrize("folder", ["exif", "hostile"])
def test_fixtures_that_can_be_decoded_have_the_same_pixels_without_metadata(
    shared_fixtures: Path, folder: str
) -> None:
    decoded = 0
    for path in sorted(shared_fixtures.joinpath(folder).iterdir()):
        data = path.read_bytes()
        clean = remove_metadata(data)
        assert remove_metadata(clean) == clean, path.name
        picture = decode_or_none(data)
        if picture is not None:
            decoded += 1
            found = decode_picture(clean, limits=LIMITS)
            assert np.array_equal(found.pixels, picture.pixels), path.name
            assert (found.width, found.height) == (picture.width, picture.height)
    assert decoded >= 8
