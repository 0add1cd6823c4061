import struct
import threading
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from inference.images import (
    DEFAULT_LIMITS,
    ImageLimits,
    ImageRejected,
    decode_image,
    decode_picture,
    sniff_format,
)
from tests.inference.pictures import draw_bodies, draw_corners, encode, encode_oriented


def reject(data: bytes, limits: ImageLimits = DEFAULT_LIMITS) -> ImageRejected:
    with pytest.raises(ImageRejected) as caught:
        decode_image(data, limits=limits)
    return caught.value


def png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "BMP"])
def test_decode_image_keeps_every_pixel_of_lossless_formats(format_: str) -> None:
    options = {"lossless": True} if format_ == "WEBP" else {}
    assert np.array_equal(decode_image(encode(draw_corners(), format_, **options)), draw_corners())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_decode_image_applies_orientation_once(orientation: int, format_: str) -> None:
    upright = draw_corners()
    shown = decode_image(encode_oriented(upright, orientation, format_))
    assert shown.shape == upright.shape
    for y, x in ((5, 5), (5, 58), (34, 5), (34, 58)):
        assert np.abs(shown[y, x].astype(int) - upright[y, x]).max() < 25


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_decode_picture_reduces_a_big_one_and_remembers_its_size(orientation: int, format_: str) -> None:
    upright = np.kron(draw_corners(200, 120), np.ones((10, 10, 1), np.uint8))
    picture = decode_picture(encode_oriented(upright, orientation, format_), working_side=300)
    assert (picture.width, picture.height) == (2000, 1200)
    assert picture.pixels.shape == (300, 500, 3)
    assert np.abs(picture.pixels[20, 20].astype(int) - upright[5, 5]).max() < 25


def test_decode_picture_keeps_small_pictures_whole() -> None:
    assert decode_picture(encode(draw_corners(), "JPEG"), working_side=1024).pixels.shape == (40, 64, 3)


def test_decode_image_puts_transparency_on_white() -> None:
    layered = np.zeros((10, 10, 4), np.uint8)
    layered[:, 5:] = (0, 0, 255, 255)
    layered[0, 5:, 3] = 128
    shown = decode_image(encode(layered, "PNG"))
    assert shown[5, 0].tolist() == [255, 255, 255]
    assert shown[5, 9].tolist() == [0, 0, 255]
    assert shown[0, 9].tolist() == [127, 127, 255]


def test_decode_image_puts_a_transparent_palette_on_white() -> None:
    palette = Image.fromarray(draw_corners()).quantize(4)
    index = palette.getpixel((0, 0))
    shown = decode_image(encode(palette, "PNG", transparency=index))
    assert shown[0, 0].tolist() == [255, 255, 255]
    assert shown[0, -1].tolist() == [20, 220, 20]


def test_decode_image_scales_sixteen_bits() -> None:
    deep = np.linspace(0, 65535, 256, dtype=np.uint16).reshape(16, 16)
    shown = decode_image(encode(Image.fromarray(deep), "PNG"))
    assert np.array_equal(shown[..., 0].ravel(), np.arange(256))


def test_decode_image_converts_cmyk() -> None:
    inks = Image.new("CMYK", (32, 32), (0, 255, 255, 0))
    assert decode_image(encode(inks, "JPEG"))[16, 16].tolist() == pytest.approx([255, 0, 0], abs=6)


@pytest.mark.parametrize(("mode", "value", "shown"), [("L", 77, 77), ("1", 1, 255), ("LA", (77, 255), 77)])
def test_decode_image_spreads_grey_over_three_channels(
    mode: str, value: float | tuple[float, ...], shown: int
) -> None:
    pixels = decode_image(encode(Image.new(mode, (9, 7), value), "PNG"))
    assert pixels.shape == (7, 9, 3)
    assert (pixels == shown).all()


def test_decode_image_takes_the_first_picture_of_an_mpo() -> None:
    first, preview = Image.fromarray(draw_corners()), Image.new("RGB", (8, 8), "white")
    data = encode(first, "MPO", save_all=True, append_images=[preview])
    assert sniff_format(data) == "jpeg"
    assert decode_image(data).shape == (40, 64, 3)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # as outside of tests, see inference.images
def test_decode_image_ignores_a_broken_exif_block() -> None:
    data = encode(draw_corners(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff nonsense")
    assert decode_image(data).shape == (40, 64, 3)


def test_decode_image_goes_by_content_not_by_name() -> None:
    assert sniff_format(encode(draw_corners(), "WEBP")) == "webp"
    assert reject(b"%PDF-1.7 called photo.jpg").code == "image_unsupported_format"


@pytest.mark.parametrize("format_", ["TIFF", "ICO", "PPM", "TGA"])
def test_decode_image_refuses_formats_off_the_list(format_: str) -> None:
    assert reject(encode(draw_corners(), format_)).code == "image_unsupported_format"


def test_decode_image_refuses_nothing_at_all() -> None:
    assert reject(b"").code == "image_empty"


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_decode_image_refuses_truncated_files(format_: str, share: float) -> None:
    noise = np.random.default_rng(7).integers(0, 255, (80, 80, 3), dtype=np.uint8)
    data = encode(noise, format_)
    assert reject(data[: int(len(data) * share)]).code in {"image_unreadable", "image_unsupported_format"}


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG"])
def test_decode_image_refuses_animations(format_: str) -> None:
    frames = [Image.fromarray(np.roll(draw_corners(), 9 * n, axis=1)) for n in range(3)]
    data = encode(frames[0], format_, save_all=True, append_images=frames[1:], duration=100)
    assert reject(data).code == "image_animated"


def test_decode_image_takes_a_still_gif() -> None:
    assert decode_image(encode(draw_corners(), "GIF")).shape == (40, 64, 3)


@pytest.mark.parametrize("size", [(12_000, 12_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1), (1, 30_000)])
def test_decode_image_refuses_a_bomb_from_its_header(size: tuple[int, int]) -> None:
    peak_before = read_peak_memory()
    assert reject(png_claiming(*size)).code == "image_too_large"
    assert read_peak_memory() - peak_before < 8 * 1024 * 1024


@pytest.mark.parametrize("side", [12_000, 16_383])
def test_decode_image_refuses_a_webp_bomb_before_its_decoder_sees_it(side: int) -> None:
    canvas = (side - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + canvas + canvas
    assert reject(b"RIFF" + struct.pack("<I", len(body)) + body).code == "image_too_large"


def test_decode_image_refuses_a_jpeg_that_claims_too_much() -> None:
    data = bytearray(encode(draw_corners(), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 12_000, 12_000)
    assert reject(bytes(data)).code == "image_too_large"


def test_decode_image_refuses_a_jpeg_of_endless_scans() -> None:
    data = encode(draw_bodies((90, 60, 300, 240)), "JPEG", progressive=True)
    assert decode_image(data).shape == (300, 400, 3)
    assert reject(data[:-2] + b"\xff\xda" * 100 + data[-2:]).code == "image_unreadable"


def test_decode_image_keeps_the_limits_it_is_given() -> None:
    data = encode(draw_corners(), "PNG")
    assert reject(data, ImageLimits(max_pixels=64 * 40 - 1)).code == "image_too_large"
    assert reject(data, ImageLimits(max_side=63)).code == "image_too_large"
    assert reject(data, ImageLimits(max_bytes=len(data) - 1)).code == "image_too_large"
    assert decode_image(data, limits=ImageLimits(max_bytes=len(data), max_pixels=2560, max_side=64)).any()


def test_decode_image_leaves_the_settings_of_pillow_alone() -> None:
    before = Image.MAX_IMAGE_PIXELS
    files = [encode(draw_corners(), "PNG"), encode(draw_corners(), "JPEG"), png_claiming(50_000, 50_000)]
    outcomes: list[object] = []

    def decode_all() -> None:
        for data in files * 10:
            try:
                outcomes.append(decode_image(data).shape)
            except ImageRejected as error:
                outcomes.append(error.code)

    threads = [threading.Thread(target=decode_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count((40, 64, 3)) == 80
    assert outcomes.count("image_too_large") == 40
    assert before == Image.MAX_IMAGE_PIXELS


def test_image_rejected_survives_the_way_between_processes() -> None:
    import pickle  # noqa: PLC0415

    sent = ImageRejected("image_empty", "The file is empty.")
    received = pickle.load(BytesIO(pickle.dumps(sent)))
    assert (received.code, received.message) == (sent.code, sent.message)


def read_peak_memory() -> int:
    """Bytes of the most this process ever had resident."""
    import resource  # noqa: PLC0415

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
