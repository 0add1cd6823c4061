"""What an archive holds for an import, and how it is laid out."""

from dataclasses import dataclass
from functools import partial

from transfer.errors import SourceRefused
from transfer.sources.archives.entries import ArchiveReader, Entry
from transfer.sources.archives.kinds import Kind, tell_kind
from transfer.sources.archives.names import show_name


@dataclass(frozen=True)
class Contents:
    """The files that count, in the order in which they are best read."""

    photos: tuple[Entry, ...]
    manifests: tuple[Entry, ...]


@dataclass(frozen=True)
class Layout:
    """top: the one folder that all lies in, with its slash; "" where there is none. manifest: what decides,
    where there is one; else each folder in `top` is a product.
    """

    top: str
    manifest: Entry | None


def read_contents(reader: ArchiveReader) -> Contents:
    """List the whole archive. Raises `SourceRefused` as the reader does, and `archive_nested`."""
    photos, manifests = [], []
    for entry in reader.list_entries():
        kind = tell_kind(entry.name, partial(_read_head, reader, entry))
        if kind is Kind.ARCHIVE:
            raise SourceRefused(
                f"The entry {show_name(entry.name)} is an archive itself. Pack the files themselves.",
                code="archive_nested",
            )
        if kind is Kind.PHOTO:
            photos.append(entry)
        elif kind is Kind.MANIFEST:
            manifests.append(entry)
    return Contents(tuple(photos), tuple(manifests))


def find_layout(contents: Contents) -> Layout:
    """Which manifest decides, if any, and which folder is no product.

    A manifest counts at the top, or right in the only folder there. Without one, the only folder is left out
    of the names where photos lie deeper than right in it: `shop/<sku>/photo.jpg`; where none does, it is the
    only product. Raises `SourceRefused`: `manifest_ambiguous`, `archive_empty`.
    """
    folder = _find_only_folder([*contents.photos, *contents.manifests])
    manifests = [one for one in contents.manifests if "/" not in one.name]
    top = ""
    if not manifests and folder:
        top = folder
        manifests = [one for one in contents.manifests if "/" not in one.name.removeprefix(folder)]
    if len(manifests) > 1:
        first, second = (show_name(one.name) for one in manifests[:2])
        raise SourceRefused(
            f"The archive has two manifests, {first} and {second}. Leave one.", code="manifest_ambiguous"
        )
    if manifests:
        return Layout(top, manifests[0])
    if not contents.photos:
        raise SourceRefused(
            "The archive has neither photos nor a manifest. Pack one folder for each product, named by its"
            " SKU, with its photos.",
            code="archive_empty",
        )
    # A stray file at the top or a forgotten table does not make the shop's folder a product.
    folder = _find_only_folder([one for one in contents.photos if "/" in one.name])
    deep = any("/" in one.name.removeprefix(folder) for one in contents.photos if one.name.startswith(folder))
    return Layout(folder if folder and deep else "", None)


def _find_only_folder(entries: list[Entry]) -> str:
    """The folder with its slash that all of them lie in, somewhere; "" where there is none."""
    tops = {"".join(one.name.partition("/")[:2]) for one in entries}
    top = tops.pop() if len(tops) == 1 else ""
    return top if top.endswith("/") else ""


def _read_head(reader: ArchiveReader, entry: Entry) -> bytes:
    return next(reader.read_chunks(entry.place, limit=entry.size), b"")
