"""A decoder of the running service that crashes over a photo: its caller hears of it, nobody else does."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from tests.api.catalog import make_gallery
from tests.api.photos import draw_photo
from tests.conftest import Service, Shop, wait_until


@pytest.fixture
def decoders(service: Service) -> Iterator[list[psutil.Process]]:
    """The decoding processes of the worker that recognises; they go on in the end."""
    worker = psutil.Process(service.processes["recognize"].pid)
    found = [each for each in worker.children(recursive=True) if "inference.decoders.child" in each.cmdline()]
    yield found
    for child in found:
        if child.is_running():
            child.resume()


def recognize(shop: Shop, gallery: str, photo: bytes) -> httpx.Response:
    return shop.http.post(f"/v1/galleries/{gallery}/recognize", files={"image": photo})


def find_holders(children: list[psutil.Process], photos: list[bytes]) -> list[psutil.Process]:
    """Those that have one of the photos in the memory that they share with their worker."""
    return [
        child for child in children if read_memory(child, max(map(len, photos))).startswith(tuple(photos))
    ]


def read_memory(child: psutil.Process, size: int) -> bytes:
    descriptor = child.cmdline()[-4]
    with Path(f"/proc/{child.pid}/fd/{descriptor}").open("rb") as memory:
        return memory.read(size)


def test_decoder_that_crashes_costs_one_call(acme: Shop, decoders: list[psutil.Process]) -> None:
    gallery = make_gallery(acme)
    photos = [draw_photo(seed) for seed in (71, 72)]
    for child in decoders:
        child.suspend()
    with ThreadPoolExecutor(2) as threads:
        answers = threads.map(lambda photo: recognize(acme, gallery, photo), photos)
        wait_until(lambda: len(find_holders(decoders, photos)) == 2, "both photos are with a decoder")
        find_holders(decoders, photos)[0].send_signal(signal.SIGSEGV)
        for child in decoders:
            child.resume()
        refused, answered = sorted(answers, key=lambda answer: -answer.status_code)
    assert (answered.status_code, answered.json()["answer"]["outcome"]) == (200, "unknown")
    assert (refused.status_code, refused.json()["code"]) == (422, "image_unreadable")
    assert "it makes decoders crash: SIGSEGV" in refused.json()["detail"]
    assert [recognize(acme, gallery, photo).status_code for photo in photos] == [200, 200]
