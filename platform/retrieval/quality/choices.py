"""What an evaluation puts side by side: ways of ranking, each a list of policies and a grouping."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from retrieval.ranking.policies import Policy, Step, describe_steps, parse_steps
from retrieval.settings.gallery import GallerySettings, Grouping
from tenants.errors import InvalidSettings

MOST_CHOICES = 20
_USUAL: tuple[tuple[str, ...], ...] = (
    ("aqe",),
    ("alpha_qe",),
    ("k_reciprocal",),
    ("soft_rank",),
    ("alpha_qe", "k_reciprocal"),
    ("k_reciprocal", "soft_rank"),
)


@dataclass(frozen=True)
class Choice:
    """A way of ranking: policies in order, and how references vote on products."""

    rerank: tuple[Step, ...] = ()
    grouping: Grouping = "vote"

    @classmethod
    def parse(cls, said: object) -> "Choice":
        """From a list of policies, or an object of `rerank` and `grouping`: a vote where nothing is said.

        Raises `InvalidSettings`.
        """
        given = said if isinstance(said, Mapping) else {"rerank": said}
        if unknown := sorted(str(name) for name in set(given) - {"rerank", "grouping"}):
            raise InvalidSettings(f"A policy has rerank and grouping, no {unknown[0]!r}.")
        grouping: Any = given.get("grouping", cls.grouping)
        if grouping not in get_args(Grouping):
            raise InvalidSettings(f"grouping must be one of {', '.join(get_args(Grouping))}.")
        try:
            return cls(parse_steps(given.get("rerank", [])), grouping)
        except ValueError as error:
            raise InvalidSettings(f"rerank: {error}") from error

    def as_dict(self) -> dict[str, Any]:
        """As `parse` reads it, and as a gallery's settings say it."""
        return {"rerank": describe_steps(self.rerank), "grouping": self.grouping}


# The bare search: no policy, and the nearest reference decides.
PLAIN = Choice(grouping="max")


def list_usual(*, with_distractors: bool) -> list[Choice]:
    """What is compared when nobody says what: plain, the vote, and the usual policies."""
    usual = [PLAIN, Choice(), *(Choice(parse_steps(names)) for names in _USUAL)]
    return [*usual, Choice(parse_steps([Policy.DISTRACTORS]))] if with_distractors else usual


def parse_choices(said: Sequence[object]) -> list[Choice]:
    """The choices said, each once. Raises `InvalidSettings`."""
    if len(said) > MOST_CHOICES:
        raise InvalidSettings(f"At most {MOST_CHOICES} policies are compared at once.")
    return list(dict.fromkeys(Choice.parse(entry) for entry in said))


def complete_choices(choices: Sequence[Choice], settings: GallerySettings) -> list[Choice]:
    """The choices, then plain ranking and the gallery's own where they are not among them."""
    return list(dict.fromkeys([*choices, PLAIN, Choice(settings.rerank, settings.grouping)]))
