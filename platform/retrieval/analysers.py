"""The models of this process: loaded once, shared by its threads."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from threading import Lock

from django.conf import settings

from inference.analysis import Analyser, load_detector, load_embedder
from inference.cards import EmbedderCard
from inference.catalogue import DEFAULT_DETECTOR, DEFAULT_EMBEDDER, Catalogue
from inference.detector import MainBodyDetector
from inference.embedder import Embedder
from inference.errors import InferenceError
from inference.sessions import SessionOptions
from tenants.errors import DomainError

_loading = Lock()


class ModelMissing(DomainError):
    """The model is not in the catalogue, or its file is not installed on this machine."""

    code = "model_missing"


def default_detector() -> str:
    """The detector that this platform runs."""
    return settings.DETECTOR or DEFAULT_DETECTOR


def default_embedder() -> str:
    """The embedder that new galleries get."""
    return settings.EMBEDDER or DEFAULT_EMBEDDER


def embedder_dim(name: str) -> int:
    """Length of the embedder's vectors. Raises `ModelMissing`."""
    return _find_card(name).dim


def emits_codes(name: str) -> bool:
    """Whether the embedder makes binary codes itself. Raises `ModelMissing`."""
    return _find_card(name).emits == "codes"


def get_analyser(embedders: Sequence[str]) -> Analyser:
    """The platform's detector with the named embedders. Raises `ModelMissing`."""
    with _loading, _missing_models():
        return Analyser(_load_detector(default_detector()), [_load_embedder(name) for name in embedders])


def _find_card(name: str) -> EmbedderCard:
    with _missing_models():
        return Catalogue(settings.MODELS_DIR).embedder(name)


def count_streams() -> int:
    """Photos that the models of this process see at once."""
    return _session_options().streams


@cache
def _load_detector(name: str) -> MainBodyDetector:
    return load_detector(settings.MODELS_DIR, name, _session_options())


@cache
def _load_embedder(name: str) -> Embedder:
    return load_embedder(settings.MODELS_DIR, name, _session_options())


def _session_options() -> SessionOptions:
    return SessionOptions(
        provider=settings.INFERENCE_PROVIDER,
        precision=settings.INFERENCE_PRECISION,
        hint=settings.INFERENCE_HINT,
    )


@contextmanager
def _missing_models() -> Iterator[None]:
    try:
        yield
    except InferenceError as error:
        raise ModelMissing(str(error)) from error
