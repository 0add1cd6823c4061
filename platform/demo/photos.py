"""The sample photos: drawn once into a folder, the same bytes from the same seed on one machine.

photos/<sku>/1.jpg ...    reference photos of the products that the gallery gets
queries/<sku>/1.jpg ...   query photos of them, and of products that the gallery does not get
manifest.json             version of the drawing, seed, products and files; written last
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from demo.studio.products import Product, invent_products
from demo.studio.shoots import shoot_query, shoot_reference

_MANIFEST: Final = "manifest.json"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Plan:
    """What to draw. The counts are flavours per line: products of one line look alike."""

    seed: int = 5
    known: tuple[int, ...] = (3,) * 4 + (2,) * 8 + (1,) * 20
    unknown: tuple[int, ...] = (1,) * 10
    queries: int = 1


SAMPLE_PLAN: Final = Plan()


@dataclass(frozen=True)
class SampleProduct:
    """A drawn product, as the manifest tells it."""

    sku: str
    title: str
    category: str


@dataclass(frozen=True)
class PhotoSet:
    """Where the photos lie, and the products; `unknown` ones have query photos only."""

    folder: Path
    known: tuple[SampleProduct, ...]
    unknown: tuple[SampleProduct, ...]
    drawn_now: bool

    @property
    def photos(self) -> Path:
        """A folder per product of the gallery."""
        return self.folder / "photos"

    @property
    def queries(self) -> Path:
        """A folder per product that was photographed, known or not."""
        return self.folder / "queries"


def write_photos(folder: Path, plan: Plan = SAMPLE_PLAN, progress: Progress | None = None) -> PhotoSet:
    """Draw the photos into `folder`, unless a complete set of this version and plan lies there.

    A run that was cut off leaves no manifest, so the next one draws all of it again. Raises `OSError` when
    the folder cannot be written.
    """
    known = invent_products(plan.seed, counts=plan.known)
    makers = {product.line.brand.name for product in known}
    strangers = invent_products(plan.seed + 1, counts=plan.unknown)
    unknown = [product for product in strangers if product.line.brand.name not in makers]
    wanted = {"drawing": _find_version(), "plan": json.loads(json.dumps(asdict(plan)))}
    drawn_now = not _is_complete(folder, wanted)
    if drawn_now:
        files = _draw_photos(folder, plan, known, unknown, progress)
        _write_manifest(folder, wanted, files)
    return PhotoSet(folder, _describe(known), _describe(unknown), drawn_now)


def _find_version() -> str:
    """A digest of all code that draws, so that photos of an older drawing are drawn anew."""
    sources = [Path(__file__), *sorted((Path(__file__).parent / "studio").glob("*.py"))]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def _describe(products: list[Product]) -> tuple[SampleProduct, ...]:
    return tuple(SampleProduct(product.sku, product.title, product.category) for product in products)


def _is_complete(folder: Path, wanted: dict[str, Any]) -> bool:
    try:
        manifest = json.loads((folder / _MANIFEST).read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    if {name: manifest.get(name) for name in wanted} != wanted:
        return False
    return all(_has_size(folder / name, size) for name, size in manifest["files"].items())


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _draw_photos(
    folder: Path, plan: Plan, known: list[Product], unknown: list[Product], progress: Progress | None
) -> dict[str, int]:
    """Draw every photo; the sizes of the files by their path in the folder."""
    (folder / _MANIFEST).unlink(missing_ok=True)
    for room in ("photos", "queries"):
        shutil.rmtree(folder / room, ignore_errors=True)
    shots = list(_list_shots(plan, known, unknown))
    files = {}
    for index, (name, product, view) in enumerate(shots):
        data = _take_photo(plan.seed, product, view, query=name.startswith("queries/"))
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        files[name] = len(data)
        if progress is not None:
            progress(index + 1, len(shots))
    return files


def _list_shots(
    plan: Plan, known: list[Product], unknown: list[Product]
) -> Iterator[tuple[str, Product, int]]:
    """(path in the folder, product, view) of every photo: three views of a product, four of every third."""
    for index, product in enumerate(known):
        for view in range(4 if index % 3 == 0 else 3):
            yield f"photos/{product.sku}/{view + 1}.jpg", product, view
    for product in (*known, *unknown):
        for view in range(plan.queries):
            yield f"queries/{product.sku}/{view + 1}.jpg", product, view


def _take_photo(seed: int, product: Product, view: int, *, query: bool) -> bytes:
    """Every photo has its own random numbers, so that it does not hang on which others are drawn."""
    rng = np.random.default_rng([seed, int(query), view, *product.sku.encode()])
    return shoot_query(product, rng) if query else shoot_reference(product, view, rng)


def _write_manifest(folder: Path, wanted: dict[str, Any], files: dict[str, int]) -> None:
    part = folder / f"{_MANIFEST}.part"
    part.write_text(json.dumps({**wanted, "files": files}, indent=1), "utf-8")
    part.replace(folder / _MANIFEST)
