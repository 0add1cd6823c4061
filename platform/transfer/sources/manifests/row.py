"""A row of a manifest, whatever the manifest is written in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tenants.domain.attributes import find_attributes_problem
from transfer.errors import RowRefused
from transfer.sources.manifests.cells import MAX_PLACE, MAX_SKU, Cell, shorten
from transfer.sources.manifests.columns import ATTRIBUTE

_MAX_TITLE: Final = 300
_MAX_CATEGORY: Final = 200


@dataclass(frozen=True)
class ManifestRow:
    """One photo of one product, or a product without one, checked.

    line: the line of the file on which the row starts, from 1 (a header counts), once per manifest. sku and
    photo: as the row says them, at most 100 and 2,000 characters that can be stored, even where they are the
    problem. photo: a path or a URL; "" where the row says none. fields: as in
    `transfer.sources.source.SourceRow`, only what the row says. problem: why the row cannot be used, with the
    code `row_invalid`, naming the column and its value.
    """

    line: int
    sku: str
    photo: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    problem: RowRefused | None = None


def check_row(line: int, cells: Mapping[str, Cell]) -> ManifestRow:
    """The row of these cells, by our names; with a `problem` where one of them cannot be used.

    An empty cell or a null says nothing, as one that is not there.
    """
    said = {name: cell for name, cell in cells.items() if not cell.is_blank()}
    try:
        sku = _require_sku(said, cells).read_sku()
        photo = said["image"].read_text(most=MAX_PLACE) if "image" in said else ""
        return ManifestRow(line, sku, photo, _read_fields(said, sku))
    except RowRefused as problem:
        return refuse_row(line, problem, cells)


def refuse_row(line: int, problem: RowRefused, cells: Mapping[str, Cell]) -> ManifestRow:
    """The row that cannot be used, with what can be told of it."""
    sku, photo = _tell(cells.get("sku"), MAX_SKU), _tell(cells.get("image"), MAX_PLACE)
    return ManifestRow(line, sku, photo, problem=problem)


def _require_sku(said: Mapping[str, Cell], cells: Mapping[str, Cell]) -> Cell:
    if "sku" in said:
        return said["sku"]
    column = cells["sku"].column if "sku" in cells else "sku"
    raise RowRefused(f"{shorten(column)} is empty, and every row needs it.", code="row_invalid")


def _read_fields(said: Mapping[str, Cell], sku: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if cell := said.get("title"):
        fields["title"] = cell.read_text(most=_MAX_TITLE)
    if cell := said.get("category"):
        fields["category"] = cell.read_text(most=_MAX_CATEGORY)
    if attributes := _read_attributes(said):
        fields["attributes"] = attributes
    if cell := said.get("box"):
        fields["box"] = cell.read_box()
    if cell := said.get("style_of"):
        fields["style_of"] = cell.read_sku()
        if fields["style_of"] == sku:
            raise cell.refuse("A product is no variant of itself.")
    if cell := said.get("score_threshold"):
        fields["score_threshold"] = cell.read_share()
    return fields


def _read_attributes(said: Mapping[str, Cell]) -> dict[str, Any]:
    """The JSON object, and the columns that hold one attribute each."""
    attributes = dict(said["attributes"].read_attributes()) if "attributes" in said else {}
    for name, cell in said.items():
        if not name.startswith(ATTRIBUTE):
            continue
        plain = name.removeprefix(ATTRIBUTE)
        if plain in attributes:
            raise cell.refuse("The attributes of this row name it too.")
        attributes[plain] = cell.value.strip() if isinstance(cell.value, str) else cell.value
        if problem := find_attributes_problem({plain: attributes[plain]}):
            raise cell.refuse(problem)
    if problem := find_attributes_problem(attributes):
        raise RowRefused(f"attributes: {problem}", code="row_invalid")
    return attributes


def _tell(cell: Cell | None, most: int) -> str:
    if cell is None or cell.is_blank():
        return ""
    told = str(cell.value).strip()[:most]
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in told)
