"""The policies that a gallery or a request may name in `rerank`, their parameters and limits, as data.

Imports nothing but the standard library, so that settings can be checked where no array is near.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from reprlib import repr as shorten
from types import MappingProxyType
from typing import Any


class Policy(StrEnum):
    """What `rerank` may name."""

    AQE = "aqe"
    ALPHA_QE = "alpha_qe"
    K_RECIPROCAL = "k_reciprocal"
    SOFT_RANK = "soft_rank"
    DISTRACTORS = "distractors"


@dataclass(frozen=True)
class Parameter:
    """A number with its default and its limits; whole numbers only where `whole`."""

    default: float
    least: float
    most: float
    whole: bool = True

    def check(self, name: str, value: object) -> int | float:
        """The value, as int or float; ValueError, naming the parameter and the range, for anything else."""
        kinds = int if self.whole else (int, float)
        if isinstance(value, kinds) and not isinstance(value, bool) and self.least <= value <= self.most:
            return value if self.whole else float(value)
        kind = "whole number" if self.whole else "number"
        raise ValueError(
            f"{name} must be a {kind} from {self.least:g} to {self.most:g}, not {shorten(value)}."
        )


@dataclass(frozen=True)
class PolicyCard:
    """One policy: what it does, its parameters, and whether it changes the query and so searches again."""

    meaning: str
    parameters: Mapping[str, Parameter]
    searches_again: bool = False


POLICIES: Mapping[Policy, PolicyCard] = MappingProxyType(
    {
        Policy.AQE: PolicyCard(
            "average query expansion: search again with the mean of the query and its k nearest",
            {"k": Parameter(5, 1, 50)},
            searches_again=True,
        ),
        Policy.ALPHA_QE: PolicyCard(
            "alpha query expansion: as aqe, each of the k weighted by its similarity to the power of alpha",
            {"k": Parameter(5, 1, 50), "alpha": Parameter(3.0, 0, 10, whole=False)},
            searches_again=True,
        ),
        Policy.K_RECIPROCAL: PolicyCard(
            "k-reciprocal neighbours: candidates that share the query's neighbours move up",
            {
                "k1": Parameter(20, 1, 100),
                "k2": Parameter(6, 1, 100),
                "lambda": Parameter(0.3, 0, 1, whole=False),
            },
        ),
        Policy.SOFT_RANK: PolicyCard(
            "soft up and down rank: candidates of the query's likely product move up, others slightly down",
            {"neighbours": Parameter(3, 1, 100)},
        ),
        Policy.DISTRACTORS: PolicyCard(
            "distractors: candidates, and queries, that resemble the tenant's negative pictures lose",
            {"k": Parameter(5, 1, 100), "query_k": Parameter(10, 1, 100)},
        ),
    }
)


@dataclass(frozen=True)
class Step:
    """A policy with all its parameters: those not given take their default.

    Raises ValueError, with a message for whoever set it, for an unknown parameter or one out of range.
    """

    policy: Policy
    params: Mapping[str, int | float] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Check what is given and fill in the rest."""
        known = POLICIES[self.policy].parameters
        if unknown := sorted(str(name) for name in self.params if name not in known):
            raise ValueError(
                f"Unknown parameter of {self.policy}: {shorten(unknown[0])}. It takes {', '.join(known)}."
            )
        params = {
            name: parameter.check(f"{self.policy}: {name}", self.params.get(name, parameter.default))
            for name, parameter in known.items()
        }
        object.__setattr__(self, "params", params)

    @property
    def searches_again(self) -> bool:
        """Whether the step makes a new query, so that the shortlist must be searched for again."""
        return POLICIES[self.policy].searches_again

    def count(self, name: str) -> int:
        """A parameter that is a whole number."""
        return int(self.params[name])


def parse_steps(value: object) -> tuple[Step, ...]:
    """Steps from what `rerank` says: names, or objects of `policy` and parameters, in the order they run.

    For example ["alpha_qe", {"policy": "k_reciprocal", "k1": 30}]. Raises ValueError, with a message that a
    shop's developer can act on, for anything else; also for a policy named twice, and for an expansion after
    a step whose order its new search would lose.
    """
    if not isinstance(value, list | tuple):
        raise ValueError(  # noqa: TRY004 - one kind of error for all that people may set wrongly
            f"Expected a list of policies, not {shorten(value)}. {_list_policies()}"
        )
    steps = tuple(_parse_step(entry) for entry in value)
    _check_order(steps)
    return steps


def describe_steps(steps: Iterable[Step]) -> list[str | dict[str, str | int | float]]:
    """The steps as `parse_steps` reads them: the name, with those parameters that are not the default."""
    return [_describe_step(step) for step in steps]


def split_steps(steps: Sequence[Step]) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Those that search again, and those that re-rank a shortlist; each in their order."""
    again = tuple(step for step in steps if step.searches_again)
    return again, tuple(step for step in steps if not step.searches_again)


def _parse_step(entry: Any) -> Step:
    said: Any = {"policy": entry} if isinstance(entry, str) else entry
    if not isinstance(said, Mapping) or "policy" not in said:
        raise ValueError(
            f"A policy is a name or an object with `policy` and its parameters, not {shorten(entry)}. "
            + _list_policies()
        )
    name = said["policy"]
    if not isinstance(name, str) or name not in set(Policy):
        raise ValueError(f"Unknown policy: {shorten(name)}. {_list_policies()}")
    return Step(Policy(name), {key: number for key, number in said.items() if key != "policy"})


def _list_policies() -> str:
    return f"Policies are {', '.join(Policy)}."


def _check_order(steps: Sequence[Step]) -> None:
    for place, step in enumerate(steps):
        before = steps[:place]
        if any(step.policy == other.policy for other in before):
            raise ValueError(f"{step.policy} is named twice; a policy runs once.")
        lost = [other.policy for other in before if not other.searches_again]
        if step.searches_again and lost:
            raise ValueError(
                f"{step.policy} searches again, which loses what {lost[0]} did: put it before {lost[0]}."
            )


def _describe_step(step: Step) -> str | dict[str, str | int | float]:
    parameters = POLICIES[step.policy].parameters
    changed = {name: value for name, value in step.params.items() if value != parameters[name].default}
    return {"policy": str(step.policy), **changed} if changed else str(step.policy)
