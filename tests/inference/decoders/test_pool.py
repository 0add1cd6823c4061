"""A picture can take its decoding process with it, and nothing else."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from inference.decoders import DecoderPool, DecodersAway
from inference.images import ImageLimits, ImageRejected, decode_picture
from tests.inference.decoders.pools import SECONDS, draw_act, open_pool
from tests.inference.pictures import draw_corners, encode, encode_oriented

GOOD = encode(draw_corners(), "PNG")


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    """One process of the hostile decoder, which for most pictures is not."""
    with open_pool() as opened:
        opened.start(1)
        yield opened


def wait_for_child(pool: DecoderPool) -> int:
    """The only child, once it takes the place of the last one."""
    deadline = time.monotonic() + 30
    while not (pids := pool.list_pids()):
        assert time.monotonic() < deadline, "no child took the place of the last one"
        time.sleep(0.02)
    return pids[0]


def samples() -> dict[str, bytes]:
    corners = draw_corners()
    grey16 = Image.fromarray(np.linspace(0, 65535, 64 * 40).astype(np.uint16).reshape(40, 64))
    layered = Image.fromarray(np.dstack([corners, corners[..., :1]]))
    large = Image.fromarray(corners).resize((2500, 2100))
    return {
        "upright jpeg": encode(corners, "JPEG"),
        "turned jpeg": encode_oriented(corners, 6),
        "turned png": encode_oriented(corners, 5, "PNG"),
        "cmyk": encode(Image.fromarray(corners).convert("CMYK"), "JPEG"),
        "16 bits": encode(grey16, "PNG"),
        "palette": encode(Image.fromarray(corners).quantize(4), "GIF"),
        "alpha": encode(layered, "PNG"),
        "webp": encode(layered, "WEBP", lossless=True),
        "bmp": encode(corners, "BMP"),
        "reduced": encode(large, "PNG"),
        "drafted": encode(large, "JPEG"),
    }


@pytest.mark.parametrize(("name", "data"), samples().items(), ids=list(samples()))
def test_pool_decodes_as_this_process_would(pool: DecoderPool, name: str, data: bytes) -> None:
    expected, found = decode_picture(data), pool.decode(data)
    assert np.array_equal(found.pixels, expected.pixels), name
    assert (found.width, found.height) == (expected.width, expected.height)
    assert np.array_equal(
        pool.decode(data, working_side=None).pixels, decode_picture(data, working_side=None).pixels
    )


def test_previews_behind_a_photograph_are_left_alone(pool: DecoderPool) -> None:
    buffer = BytesIO()
    first, second = Image.fromarray(draw_corners()), Image.new("RGB", (8, 8))
    first.save(buffer, "MPO", save_all=True, append_images=[second])
    data = buffer.getvalue()
    assert np.array_equal(pool.decode(data).pixels, decode_picture(data).pixels)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"%PDF-1.7", GOOD[:70], GOOD[:-30]])
def test_pool_refuses_in_the_same_words(pool: DecoderPool, data: bytes) -> None:
    with pytest.raises(ImageRejected) as here:
        decode_picture(data)
    with pytest.raises(ImageRejected) as apart:
        pool.decode(data)
    assert (apart.value.code, apart.value.message) == (here.value.code, here.value.message)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("crash", "it makes decoders crash: SIGSEGV"),
        ("leave", "it makes decoders crash: exit status 3"),
        ("be killed", "it makes decoders crash: SIGKILL"),
        ("lie", "the decoder gave no sensible answer"),
        ("fail", "nobody foresaw this"),
    ],
)
def test_picture_that_ends_its_decoder_is_rejected_and_the_next_is_decoded(
    pool: DecoderPool, act: str, words: str
) -> None:
    before = wait_for_child(pool)
    with pytest.raises(ImageRejected) as rejected:
        pool.decode(draw_act(act))
    assert rejected.value.code == "image_unreadable"
    assert words in rejected.value.message
    assert pool.decode(GOOD).width == 64
    assert not psutil.pid_exists(before)


@pytest.mark.parametrize("act", ["hang", "spin"])
def test_picture_that_keeps_its_decoder_is_rejected_in_time(act: str) -> None:
    with open_pool(seconds=0.7) as pool:
        pool.start(1)
        before, began = wait_for_child(pool), time.monotonic()
        with pytest.raises(ImageRejected, match=r"decoding took longer than 0\.7 seconds"):
            pool.decode(draw_act(act))
        assert time.monotonic() - began < 2.5
        assert not psutil.pid_exists(before)
        assert pool.decode(GOOD).width == 64


@pytest.mark.parametrize("act", ["gorge", "open a file"])
def test_picture_that_wants_what_a_decoder_has_not_got_is_broken(pool: DecoderPool, act: str) -> None:
    before = wait_for_child(pool)
    with pytest.raises(ImageRejected, match="its contents are broken"):
        pool.decode(draw_act(act))
    assert pool.list_pids() == [before]


def test_pictures_in_other_processes_are_left_alone() -> None:
    with open_pool(processes=3, seconds=1) as pool, ThreadPoolExecutor(3) as threads:
        pool.start(3)
        acts = [threads.submit(pool.decode, draw_act(act)) for act in ("hang", "crash")]
        good = [threads.submit(pool.decode, GOOD) for _ in range(40)]
        assert {future.result().width for future in good} == {64}
        assert [future.exception().__class__ for future in acts] == [ImageRejected] * 2


def test_picture_whose_decoder_was_killed_by_somebody_else_gets_another(pool: DecoderPool) -> None:
    child = psutil.Process(wait_for_child(pool))
    child.suspend()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pool.decode, GOOD)
        child.kill()
        assert waiting.result(SECONDS + 10).width == 64


def test_decoder_that_died_while_nobody_asked_is_replaced_unnoticed(pool: DecoderPool) -> None:
    child = psutil.Process(wait_for_child(pool))
    child.kill()
    psutil.wait_procs([child], timeout=5)
    assert pool.decode(GOOD).width == 64


def test_decoder_outlives_the_signals_that_ask_its_group_to_end(pool: DecoderPool) -> None:
    child = wait_for_child(pool)
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(child, sign)
    assert pool.decode(GOOD).width == 64
    assert pool.list_pids() == [child]


def test_decoder_is_replaced_after_so_many_pictures() -> None:
    with open_pool(pictures=3) as pool:
        first = {pool.decode(GOOD).width and wait_for_child(pool) for _ in range(2)}
        pool.decode(GOOD)
        assert wait_for_child(pool) not in first
        assert pool.decode(GOOD).width == 64


def test_pool_whose_processes_are_all_held_says_so_in_time() -> None:
    with open_pool(seconds=2) as pool, ThreadPoolExecutor(1) as threads:
        pool.start(1)
        child = psutil.Process(wait_for_child(pool))
        child.suspend()
        held = [threads.submit(pool.decode, GOOD)]
        while pool._idle:  # noqa: SLF001 - until the other thread has it
            time.sleep(0.01)
        pool.options = pool.options.__class__(processes=1, seconds=0.2)
        with pytest.raises(DecodersAway, match="busy with slow pictures"):
            pool.decode(GOOD)
        child.resume()
        assert held[0].result().width == 64


def test_decoder_that_does_not_start_is_no_fault_of_a_picture() -> None:
    with open_pool(module="tests.inference.decoders.no_such_child") as pool:
        with pytest.raises(DecodersAway, match="exit status 1"):
            pool.decode(GOOD)
        assert pool.list_pids() == []
        with pytest.raises(DecodersAway):
            pool.start(1)


def test_decoder_has_neither_the_environment_nor_the_files_of_its_parent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRET_KEY", "the parent's own")
    with (tmp_path / "open").open("wb") as held, open_pool() as pool:
        os.set_inheritable(held.fileno(), True)  # noqa: FBT003 - the function takes no name for it
        pool.start(1)
        child = psutil.Process(wait_for_child(pool))
        assert "SECRET_KEY" not in child.environ()
        assert child.open_files() == []
        limits = {name: child.rlimit(getattr(psutil, name)) for name in ("RLIMIT_CORE", "RLIMIT_FSIZE")}
        assert limits == {"RLIMIT_CORE": (0, 0), "RLIMIT_FSIZE": (0, 0)}
        mapped = {Path(entry.path).name.partition(".")[0] for entry in child.memory_maps()}
    assert not {name for name in mapped if "onnx" in name or "psycopg" in name}


def test_decoders_end_with_the_pool_and_with_their_parent() -> None:
    with open_pool(processes=2) as pool:
        pool.start(2)
        children = [psutil.Process(pid) for pid in pool.list_pids()]
    assert len(children) == 2
    assert psutil.wait_procs(children, timeout=5)[1] == []


def test_decoder_that_hangs_ends_soon_after_its_parent_was_killed() -> None:
    code = (
        "import sys, threading; from tests.inference.decoders.pools import draw_act, open_pool\n"
        "with open_pool(seconds=1) as pool:\n"
        "    pool.start(1); threading.Thread(target=pool.decode, args=[draw_act('spin')]).start()\n"
        "    sys.stdout.write(f'{pool.list_pids()[0]}\\n'); sys.stdout.flush(); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    assert psutil.wait_procs([child], timeout=10)[1] == []


def test_picture_larger_than_the_memory_for_it_is_refused_before_it_is_sent() -> None:
    with open_pool(limits=ImageLimits(max_pixels=100)) as pool:
        with pytest.raises(ImageRejected, match="at most 100 in all"):
            pool.decode(GOOD)
        assert pool.list_pids() == []
