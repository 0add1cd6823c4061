"""The models of this process: loaded once, shared by its threads."""

from functools import cache
from threading import Lock

from django.conf import settings

from inference.analysis import Analyser, load_analyser
from inference.catalogue import DEFAULT_DETECTOR, DEFAULT_EMBEDDER, Catalogue
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
    try:
        return Catalogue(settings.MODELS_DIR).embedder(name).dim
    except InferenceError as error:
        raise ModelMissing(str(error)) from error


def get_analyser(embedder: str) -> Analyser:
    """The platform's detector with the named embedder. Raises `ModelMissing`."""
    with _loading:
        return _load(embedder)


@cache
def _load(embedder: str) -> Analyser:
    session = SessionOptions(provider=settings.INFERENCE_PROVIDER, precision=settings.INFERENCE_PRECISION)
    try:
        return load_analyser(
            settings.MODELS_DIR, detector=default_detector(), embedder=embedder, session=session
        )
    except InferenceError as error:
        raise ModelMissing(str(error)) from error
