"""What happens beyond capacity: offered load of 1, 2 and 4 times what the service answers, from two shops.

Capacity is what callers get who ask again as soon as they are answered. Then photos come at random moments
(Poisson), whether or not earlier ones are answered, half from either shop, in turns, so that a drifting
machine shows. Answers are timed from the moment at which they were due to be asked. Last, one shop asks for 4
times the capacity and the other for a quarter of it. Run by `make bench`.
"""

import argparse
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402 - Django first

from benchmarks.figures import spread_of, write_figures  # noqa: E402
from benchmarks.recognize import NAME, fill_gallery, open_gallery_index  # noqa: E402
from demo.photos import write_photos  # noqa: E402
from demo.service import find_url, wait_until_ready  # noqa: E402
from demo.settling import wait_for_job  # noqa: E402
from tenants.domain.bootstrap import ensure_demo_tenant  # noqa: E402
from tenants.domain.keys import issue_key  # noqa: E402
from tenants.domain.tenants import create_tenant  # noqa: E402
from tenants.models import Gallery, Tenant  # noqa: E402
from tenants.models.api_key import Scope  # noqa: E402
from tenants.scope import tenant_scope  # noqa: E402
from vitrine.client import VitrineClient  # noqa: E402

_FACTORS = (1, 2, 4)
_CALLERS = 4
_THREADS = 200
_BOUNDARY = "vitrine-benchmark"
_OTHER = "benchmark-of-overload"


@dataclass(frozen=True)
class Shop:
    """A shop's gallery and key."""

    key: str
    gallery: str

    def send(self, connection: HTTPConnection, photo: bytes) -> int:
        """One photo; the status of the answer, read whole."""
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
        body = head.encode() + photo + f"\r\n--{_BOUNDARY}--\r\n".encode()
        content_type = f"multipart/form-data; boundary={_BOUNDARY}"
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": content_type}
        connection.request("POST", f"/v1/galleries/{self.gallery}/recognize", body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status


@dataclass
class Tally:
    """Milliseconds of what was answered and of what was refused, over so many seconds."""

    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, status: int, milliseconds: float) -> None:
        """Count an answer."""
        with self._lock:
            self.statuses[status] += 1
            (self.answered if status == HTTPStatus.OK else self.refused).append(milliseconds)

    @property
    def goodput(self) -> float:
        """Answers a second."""
        return len(self.answered) / self.seconds


class Callers:
    """Threads with a connection each, that send photos to the service."""

    def __init__(self, photos: Sequence[bytes]) -> None:
        self._photos = photos
        self._address = urlsplit(find_url())
        self._local = threading.local()

    def call(self, shop: Shop, tally: Tally, due: float, number: int) -> None:
        """Send one; timed from when it was due."""
        try:
            status = shop.send(self._connect(), self._photos[number % len(self._photos)])
        except (OSError, HTTPException):
            # A connection that the server closed while it was idle, most likely: once more, on a new one.
            self._local.connection.close()
            status = shop.send(self._connect(), self._photos[number % len(self._photos)])
        tally.add(status, (time.perf_counter() - due) * 1000)

    def _connect(self) -> HTTPConnection:
        if not hasattr(self._local, "connection"):
            address = self._address
            self._local.connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
        connection: HTTPConnection = self._local.connection
        return connection


def main() -> None:
    """Fill the galleries once, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="of each phase")
    parser.add_argument("--turns", type=int, default=2)
    asked = parser.parse_args()
    photos = sorted(write_photos(Path(settings.VAR_DIR) / "demo").queries.rglob("*.jpg"))[:20]
    callers = Callers([photo.read_bytes() for photo in photos])
    wait_until_ready(find_url(), tell=print)
    demo = ensure_demo_tenant()
    shops = (open_shop(demo.tenant, demo.key), open_other_shop())
    capacity = measure_capacity(callers, shops, asked.seconds)
    print(f"capacity: {capacity:.2f} answers a second at concurrency {_CALLERS}")
    tallies = {factor: Tally() for factor in _FACTORS}
    for _ in range(asked.turns):
        for factor, tally in tallies.items():
            half = capacity * factor / 2
            offer(callers, [(shop, half, tally) for shop in shops], asked.seconds)
    flood, trickle = Tally(), Tally()
    loads = [(shops[0], capacity * 4, flood), (shops[1], capacity / 4, trickle)]
    offer(callers, loads, asked.seconds)
    tell(capacity, tallies, flood, trickle)


def open_shop(tenant: Tenant, key: str) -> Shop:
    """The shop's gallery of 10,000 vectors."""
    client = VitrineClient(find_url(), key)
    with client, tenant_scope(tenant.pk):
        gallery = Gallery.objects.get(pk=client.ensure_gallery(NAME).id)
        if fill_gallery(gallery):
            wait_for_job(client, client.reindex(str(gallery.pk)).id, tell=print)
        open_gallery_index(gallery)
    return Shop(key, str(gallery.pk))


def open_other_shop() -> Shop:
    """Another shop with the same."""
    tenant = Tenant.objects.filter(slug=_OTHER).first() or create_tenant(slug=_OTHER, name=_OTHER)
    key = issue_key(tenant=tenant, name="benchmark", scopes=list(Scope)).plaintext
    return open_shop(tenant, key)


def measure_capacity(callers: Callers, shops: Sequence[Shop], seconds: float) -> float:
    """Answers a second to callers who ask as soon as they are answered; the first seconds warm up."""
    tally = Tally()
    for taken, counted in ((seconds / 4, Tally()), (seconds, tally)):
        until = time.perf_counter() + taken
        with ThreadPoolExecutor(_CALLERS) as pool:
            for number in range(_CALLERS):
                pool.submit(_ask_until, callers, shops[number % len(shops)], counted, until)
        counted.seconds = taken
    if tally.refused:
        raise SystemExit(f"{_CALLERS} callers were refused: {tally.statuses}")
    return tally.goodput


def _ask_until(callers: Callers, shop: Shop, tally: Tally, until: float) -> None:
    number = 0
    while time.perf_counter() < until:
        callers.call(shop, tally, time.perf_counter(), number)
        number += 1


def offer(callers: Callers, loads: Sequence[tuple[Shop, float, Tally]], seconds: float) -> None:
    """Ask at random moments, so many times a second for each shop, whatever becomes of it."""
    arrivals = sorted(
        (moment, index) for index, (_, rate, _) in enumerate(loads) for moment in _draw_moments(rate, seconds)
    )
    began = time.perf_counter()
    with ThreadPoolExecutor(_THREADS) as pool:
        for number, (moment, index) in enumerate(arrivals):
            time.sleep(max(0.0, began + moment - time.perf_counter()))
            shop, _, tally = loads[index]
            pool.submit(callers.call, shop, tally, began + moment, number)
    for tally in {id(tally): tally for _, _, tally in loads}.values():
        tally.seconds += seconds


def _draw_moments(rate: float, seconds: float) -> list[float]:
    draw = partial(random.Random(round(rate * 1000)).expovariate, rate)  # noqa: S311 - repeatable, no secret
    moments = [draw()]
    while moments[-1] < seconds:
        moments.append(moments[-1] + draw())
    return moments[:-1]


def tell(capacity: float, tallies: dict[int, Tally], flood: Tally, trickle: Tally) -> None:
    """Print and write."""
    figures: dict[str, object] = {"capacity": round(capacity, 2)}
    for factor, tally in tallies.items():
        figures[f"load_{factor}"] = describe(f"{factor} x capacity", tally)
    once, most = tallies[_FACTORS[0]], tallies[_FACTORS[-1]]
    goodput = min(tally.goodput for tally in tallies.values()) / once.goodput
    slower = max(spread_of(tally.answered).p95 for tally in tallies.values()) / spread_of(once.answered).p95
    print(f"least goodput against that at 1 x     {goodput:.2f}   (wanted: about 1)")
    print(f"worst p95 of answers against 1 x      {slower:.2f}   (wanted: at most 2)")
    figures |= {"goodput_ratio": round(goodput, 3), "p95_ratio": round(slower, 3)}
    figures["flood"] = describe("one shop, 4 x", flood)
    figures["trickle"] = describe("the other, a quarter", trickle)
    failed = sum((tally.statuses for tally in (*tallies.values(), flood, trickle)), Counter())
    print(f"statuses: {dict(failed)}; refused within {spread_of(most.refused).p95:.0f} ms at 4 x (p95)")
    write_figures("overload", figures)


def describe(name: str, tally: Tally) -> dict[str, object]:
    """Print a line; the same as figures."""
    sent = len(tally.answered) + len(tally.refused)
    taken = spread_of(tally.answered)
    print(
        f"{name:20}  asked {sent / tally.seconds:6.2f}/s  answered {tally.goodput:6.2f}/s"
        f" ({len(tally.answered) / sent:4.0%})  p50 {taken.p50:6.0f} ms  p95 {taken.p95:6.0f} ms"
    )
    return {
        "asked_a_second": round(sent / tally.seconds, 2),
        "answered_a_second": round(tally.goodput, 2),
        "p50_ms": taken.p50,
        "p95_ms": taken.p95,
        "refused_p95_ms": spread_of(tally.refused).p95 if tally.refused else None,
        "statuses": {str(status): count for status, count in sorted(tally.statuses.items())},
    }


if __name__ == "__main__":
    main()
