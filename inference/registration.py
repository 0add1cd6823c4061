"""Models of the user's own: a card and an ONNX file, checked against each other and copied in."""

import hashlib
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from inference.cardfiles import parse_card, read_card_file
from inference.cards import Card, describe_card
from inference.errors import CardInvalid
from inference.manifest import ModelsDirectory
from inference.sessions import SessionOptions
from inference.verification import verify_model


def register_model(
    directory: ModelsDirectory,
    card_file: Path,
    *,
    onnx_file: Path | None,
    session: SessionOptions,
    taken: Collection[str],
) -> Card:
    """Check and copy; returns the card as registered. `taken` are the names that built-in models have.

    Raises CardInvalid, SessionRefused, or ModelError when the disk refuses.
    """
    card = read_card_file(card_file)
    if card.name in taken:
        raise CardInvalid(f"{card_file}: the name {card.name!r} belongs to a built-in model. Choose another.")
    source = onnx_file or card_file.parent / card.file
    data = _read_graph(source)
    sha256 = hashlib.sha256(data).hexdigest()
    if card.sha256 not in (None, sha256):
        raise CardInvalid(f"{source} has sha256 {sha256}, the card {card_file} says {card.sha256}.")
    verify_model(source, card, session)
    registered = replace(card, file=f"{card.name}.onnx", sha256=sha256)
    with directory.locked():
        _refuse_other_version(directory, registered)
        directory.write(registered.file, data)
        directory.write_card(registered.name, describe_card(registered))
    return registered


def _read_graph(path: Path) -> bytes:
    import onnx  # noqa: PLC0415 - slow to import, and only this command needs it
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        data = path.read_bytes()
        graph = onnx.load_model_from_string(data).graph
    except (OSError, DecodeError) as error:
        raise CardInvalid(f"{path} cannot be read as ONNX: {error}") from error
    if any(onnx.external_data_helper.uses_external_data(tensor) for tensor in graph.initializer):
        raise CardInvalid(
            f"{path} keeps weights in other files. Save it as one file (save_as_external_data=False)."
        )
    return data


def _refuse_other_version(directory: ModelsDirectory, card: Card) -> None:
    """Vectors of two models under one name would be compared with each other, without meaning."""
    present = directory.read_cards().get(card.name)
    if present is not None and parse_card(present, where=f"registered card {card.name}") != card:
        raise CardInvalid(
            f"A different model is registered as {card.name!r}. Give the new one another name, for example"
            f" {card.name}_v2: vectors of different models cannot be compared."
        )
