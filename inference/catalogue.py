"""Which models there are, which of them are in a models directory, and the way to each."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from inference.builtin import DEFAULT_DETECTOR, DEFAULT_EMBEDDER, RECIPES, Recipe
from inference.cardfiles import parse_card
from inference.cards import Card, DetectorCard, EmbedderCard
from inference.errors import ModelError, ModelUnknown
from inference.installation import install_model, is_current
from inference.manifest import ModelsDirectory
from inference.registration import register_model
from inference.sessions import SessionOptions
from inference.verification import verify_model

__all__ = ["DEFAULT_DETECTOR", "DEFAULT_EMBEDDER", "Catalogue", "InstallReport"]


@dataclass(frozen=True)
class InstallReport:
    """What became of one model: its card, and whether it was fetched and made now or was there already."""

    card: Card
    made: bool


class Catalogue:
    """The built-in models and the ones registered in `models_dir`, which need not exist yet."""

    def __init__(self, models_dir: Path) -> None:
        self._directory = ModelsDirectory(models_dir)

    def cards(self) -> list[Card]:
        """All cards by name: built-in ones first. `sha256` is None where the file has not been made here.

        Raises ModelCorrupt when a file of the directory cannot be read.
        """
        installed = self._directory.read_installed()
        built_in = [
            replace(recipe.card, sha256=installed[name].sha256 if name in installed else None)
            for name, recipe in RECIPES.items()
        ]
        added = [
            parse_card(data, where=f"registered card {name}")
            for name, data in self._directory.read_cards().items()
        ]
        return [*built_in, *added]

    def detector(self, name: str) -> DetectorCard:
        """The detector called `name`. Raises ModelUnknown, listing the detectors there are."""
        detectors = {card.name: card for card in self.cards() if isinstance(card, DetectorCard)}
        if name not in detectors:
            raise ModelUnknown(f"There is no detector {name!r}. There are: {', '.join(detectors)}.")
        return detectors[name]

    def embedder(self, name: str) -> EmbedderCard:
        """The embedder called `name`. Raises ModelUnknown, listing the embedders there are."""
        embedders = {card.name: card for card in self.cards() if isinstance(card, EmbedderCard)}
        if name not in embedders:
            raise ModelUnknown(f"There is no embedder {name!r}. There are: {', '.join(embedders)}.")
        return embedders[name]

    def locate(self, card: Card) -> Path:
        """The ONNX file of `card`, its hash checked (some 20 ms).

        Raises ModelNotInstalled when it is not there, ModelCorrupt when it is another file.
        """
        return self._directory.check_file(card.name, card.file, card.sha256)

    def is_installed(self, card: Card) -> bool:
        """Whether the file of `card` is there and is the right one."""
        try:
            self.locate(card)
        except ModelError:
            return False
        return True

    def install(self, names: Iterable[str] | None = None) -> list[InstallReport]:
        """Fetch, convert and check the built-in models called `names` (None: all of them).

        What is there already is left alone, so a second call downloads nothing; two processes at once do not
        collide, the second waits and finds the work done. Raises ModelUnknown, DownloadFailed, ModelCorrupt,
        or ModelError when the disk refuses.
        """
        recipes = [self._find_recipe(name) for name in (RECIPES if names is None else names)]
        if all(is_current(self._directory, recipe) for recipe in recipes):
            made = dict.fromkeys((recipe.card.name for recipe in recipes), False)
        else:
            with self._directory.locked():
                fetched: dict[str, bytes] = {}
                made = {
                    recipe.card.name: install_model(self._directory, recipe, fetched) for recipe in recipes
                }
        return [InstallReport(card, made[card.name]) for card in self.cards() if card.name in made]

    def add(
        self, card_file: Path, *, onnx_file: Path | None = None, session: SessionOptions | None = None
    ) -> Card:
        """Register a model of the user's own: a card (TOML or JSON) and the ONNX file it names.

        The file, looked for beside the card unless `onnx_file` is given, is run once and copied. Adding the
        same again changes nothing. Raises CardInvalid, saying what is wrong with the card or how the graph
        differs from it; SessionRefused when the runtime cannot run the graph.
        """
        return register_model(
            self._directory,
            card_file,
            onnx_file=onnx_file,
            session=session or SessionOptions(),
            taken=set(RECIPES),
        )

    def verify(
        self, names: Iterable[str] | None = None, *, session: SessionOptions | None = None
    ) -> list[Card]:
        """Check files by hash, and graphs by a run on a drawn picture (None: every model that is installed).

        Returns the cards that passed. Raises ModelUnknown, ModelNotInstalled, ModelCorrupt, CardInvalid or
        SessionRefused for the first that does not.
        """
        by_name = {card.name: card for card in self.cards()}
        wanted = [name for name, card in by_name.items() if card.sha256] if names is None else list(names)
        missing = [name for name in wanted if name not in by_name]
        if missing:
            raise ModelUnknown(f"There is no model {missing[0]!r}. There are: {', '.join(by_name)}.")
        for name in wanted:
            verify_model(self.locate(by_name[name]), by_name[name], session or SessionOptions())
        return [by_name[name] for name in wanted]

    def _find_recipe(self, name: str) -> Recipe:
        if name not in RECIPES:
            raise ModelUnknown(f"There is no built-in model {name!r}. There are: {', '.join(RECIPES)}.")
        return RECIPES[name]
