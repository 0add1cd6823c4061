"""What can be wrong with a catalogue that comes in, or with one row of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from tenants.errors import DomainError


@dataclass(frozen=True)
class LineProblem:
    """What is wrong with one line of a manifest, or one entry of an archive, in words."""

    line: int
    message: str


class SourceRefused(DomainError):
    """The source cannot be imported at all; the message names the entry or line. The job ends as failed.

    problems: each line that is wrong, the first hundred.
    """

    code = "source_refused"

    def __init__(
        self, message: str, *, code: str | None = None, problems: Sequence[LineProblem] = ()
    ) -> None:
        super().__init__(message, code=code)
        self.problems = tuple(problems)


class RowRefused(DomainError):
    """One row cannot be used; its item ends as failed, with this code and message. The import goes on."""

    code = "row_refused"
