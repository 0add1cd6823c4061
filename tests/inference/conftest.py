"""Real models, made once into `var/models` (or VITRINE_MODELS), and the shared fixtures where they are."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from inference.analysis import Analyser, load_detector, load_embedder
from inference.builtin import DEFAULT_DETECTOR, DEFAULT_EMBEDDER, RECIPES
from inference.catalogue import Catalogue
from inference.sessions import SessionOptions
from inference.wheels import fetch_file

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED_FIXTURES = REPOSITORY.parent / "shared" / "data" / "fixtures"


@pytest.fixture(scope="session")
def shared_fixtures() -> Path:
    if not SHARED_FIXTURES.is_dir():
        pytest.skip("the shared fixtures (../shared/data/fixtures) are not on this machine")
    return SHARED_FIXTURES


@pytest.fixture(scope="session")
def models_dir() -> Path:
    path = Path(os.environ.get("VITRINE_MODELS") or REPOSITORY / "var" / "models")
    Catalogue(path).install()
    return path


@pytest.fixture(scope="session")
def analyser(models_dir: Path) -> Analyser:
    session = SessionOptions()
    return Analyser(
        load_detector(models_dir, DEFAULT_DETECTOR, session),
        [load_embedder(models_dir, DEFAULT_EMBEDDER, session)],
    )


@pytest.fixture(scope="session")
def fetch_weights() -> Callable[[str], bytes]:
    """The bytes a built-in model is made from, fetched once."""
    fetched: dict[str, bytes] = {}

    def fetch(name: str) -> bytes:
        source = RECIPES[name].weights
        if source.sha256 not in fetched:
            fetched[source.sha256] = fetch_file(source)
        return fetched[source.sha256]

    return fetch
