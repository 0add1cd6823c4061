"""What an import costs those who wait for an answer: `recognize` alone, and while photos stream in.

One caller, with pauses of up to `--pause` seconds, against a gallery of 10,000 vectors: first alone, then
while a ZIP of photos is imported into another gallery of the tenant, in turns, so that a drifting machine
shows. The import outlasts the calls of its turn, or the benchmark ends. Its pace is taken with callers and
without.
"""

import argparse
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402 - Django first

from benchmarks.figures import spread_of, write_figures  # noqa: E402
from benchmarks.importing import (  # noqa: E402
    bench_gallery,
    pack_photos,
    read_demo_photos,
    start_import,
)
from benchmarks.recognize import (  # noqa: E402
    NAME,
    BareCaller,
    fill_gallery,
    open_gallery_index,
    time_ms,
)
from demo.photos import write_photos  # noqa: E402
from demo.service import find_url, open_client, wait_until_ready  # noqa: E402
from demo.settling import wait_for_job  # noqa: E402
from tenants.domain.bootstrap import ensure_demo_tenant  # noqa: E402
from tenants.models import Gallery  # noqa: E402
from tenants.scope import tenant_scope  # noqa: E402
from vitrine.client import VitrineClient  # noqa: E402

_WARM_UP = 5


@dataclass
class Tally:
    """Milliseconds of the calls of all phases of one kind, and photos indexed in so many seconds of them."""

    calls: list[float] = field(default_factory=list)
    photos: int = 0
    seconds: float = 0.0

    @property
    def pace(self) -> float:
        """Photos indexed a second."""
        return self.photos / self.seconds


def main() -> None:
    """Fill both galleries, measure in turns, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=60, help="in each phase")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--pause", type=float, default=0.4, help="seconds, the longest between calls")
    asked = parser.parse_args()
    var = Path(settings.VAR_DIR)
    queries = [path.read_bytes() for path in sorted(write_photos(var / "demo").queries.rglob("*.jpg"))[:20]]
    wait_until_ready(find_url(), tell=print)
    with open_client() as client, tenant_scope(ensure_demo_tenant().tenant.id):
        gallery = Gallery.objects.get(pk=client.ensure_gallery(NAME).id)
        if fill_gallery(gallery):
            wait_for_job(client, client.reindex(str(gallery.pk)).id, tell=print)
        open_gallery_index(gallery)
        call = partial(_call, gallery, queries, asked.calls, asked.pause)
        alone, during, quiet = Tally(), Tally(), Tally()
        _call(gallery, queries, _WARM_UP, 0.0, Tally())
        photos = list(islice(vary_photos(read_demo_photos(var)), asked.calls * 20))
        for _ in range(asked.turns):
            call(alone)
            with bench_gallery(client) as target:
                job = _Import(client, target, photos)
                job.wait_for_pace()
                job.watch(quiet, partial(time.sleep, 10.0))
                job.watch(during, partial(call, during))
                job.cancel()
    tell(alone, during, quiet)


def vary_photos(photos: Sequence[bytes]) -> Iterator[bytes]:
    """The photos again and again, each time another file: a JPEG may have anything behind its end."""
    for number, photo in enumerate(cycle(photos)):
        yield photo + number.to_bytes(4, "big")


class _Import:
    """An import into a gallery, with near duplicates let in."""

    def __init__(self, client: VitrineClient, gallery: str, photos: Sequence[bytes]) -> None:
        self._jobs = client.jobs
        archive = pack_photos(photos, a_product=50)
        self._job = start_import(client, gallery, archive, near_duplicates=None)

    def wait_for_pace(self) -> None:
        """Until photos are being indexed."""
        while self._jobs.read(self._job).done == 0:
            time.sleep(0.25)

    def watch(self, tally: Tally, work: partial[None]) -> None:
        """Do the work, and count the photos that are indexed meanwhile."""
        before, started = self._jobs.read(self._job), time.perf_counter()
        work()
        after = self._jobs.read(self._job)
        if after.ended:
            raise SystemExit(
                f"the import {after.state} before the calls did: take more photos or fewer calls"
            )
        tally.photos += after.done - before.done
        tally.seconds += time.perf_counter() - started

    def cancel(self) -> None:
        """It has served its purpose."""
        self._jobs.cancel(self._job)


def _call(gallery: Gallery, queries: Sequence[bytes], count: int, pause: float, tally: Tally) -> None:
    # The server closes a connection that has been idle.
    caller = BareCaller(gallery)
    pauses = random.Random(count)  # noqa: S311 - the same pauses in every phase
    for number in range(count):
        time.sleep(pauses.uniform(0, pause))
        tally.calls.append(time_ms(partial(caller.recognize, queries[number % len(queries)])))


def tell(alone: Tally, during: Tally, quiet: Tally) -> None:
    """Print and write."""
    calm, busy = spread_of(alone.calls), spread_of(during.calls)
    ratio_50, ratio_95 = busy.p50 / calm.p50, busy.p95 / calm.p95
    print(f"recognize alone             p50 {calm.p50:7.1f} ms   p95 {calm.p95:7.1f} ms")
    print(f"recognize during an import  p50 {busy.p50:7.1f} ms   p95 {busy.p95:7.1f} ms")
    print(
        f"ratio                       p50 {ratio_50:7.2f}      p95 {ratio_95:7.2f}   (wanted: p95 at most 2)"
    )
    print(f"the import: {quiet.pace:.2f} photos a second without callers, {during.pace:.2f} with")
    figures = {
        "alone": calm,
        "during": busy,
        "ratio_p50": round(ratio_50, 3),
        "ratio_p95": round(ratio_95, 3),
    }
    paces = {"pace_without_callers": round(quiet.pace, 2), "pace_with_callers": round(during.pace, 2)}
    write_figures("interference", {**figures, **paces})


if __name__ == "__main__":
    main()
