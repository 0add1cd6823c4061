"""The lines of a text as people count them."""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

# Longer than 64 KiB of attributes can be, each character escaped, with all else that a row may say.
MAX_RECORD: Final = 256 * 1024
# Only ends are matched: a pattern for whole lines would look for one from each character of a long line.
_END: Final = re.compile(r"\r\n|\n|\r(?=[^\n])")


@dataclass(frozen=True)
class Line:
    """A line with its end. One longer than `MAX_RECORD` is cut, and still longer than that."""

    number: int
    text: str


class Lines:
    """Lines to be taken one by one, and given back where they were taken too soon."""

    def __init__(self, blocks: Iterable[str]) -> None:
        self._coming = (Line(number, text) for number, text in enumerate(_split(blocks), start=1))
        self._returned: deque[Line] = deque()

    def take(self) -> Line | None:
        """The next line; None at the end."""
        if self._returned:
            return self._returned.popleft()
        return next(self._coming, None)

    def give_back(self, lines: Iterable[Line]) -> None:
        """Put lines before those to come, in their order."""
        self._returned.extendleft(reversed(list(lines)))


def _split(blocks: Iterable[str]) -> Iterator[str]:
    rest = ""
    for block in blocks:
        rest += block
        start = 0
        for end in _END.finditer(rest):
            yield rest[start : end.end()]
            start = end.end()
        rest = rest[start:]
        if len(rest) > MAX_RECORD:
            # A carriage return at the end may be half of a line's end.
            rest = rest[: MAX_RECORD + 1] + ("\r" if rest.endswith("\r") else "")
    if rest:
        yield rest
