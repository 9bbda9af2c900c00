"""What the package raises."""

from __future__ import annotations

import linecache
from typing import Sequence


class ProgramError(Exception):
    """A program or its data was refused: with a stable code, the cause, and what to do next.

    ``print(error)`` shows the line of the program that is at fault, where one is.
    """

    def __init__(self, code: str, cause: str, hint: str, node: int | None = None) -> None:
        super().__init__(cause)
        #: The stable code, such as ``"plan.overflow"``.
        self.code = code
        #: What is wrong.
        self.cause = cause
        #: What to do next.
        self.hint = hint
        #: The operation at fault, as a position in the plan, if one is.
        self.node = node
        #: Where the author wrote it: ``file:line``, if that is known.
        self.place: str | None = None

    def __str__(self) -> str:
        lines = [self.cause]
        if self.place is not None:
            file, _, line = self.place.rpartition(":")
            source = linecache.getline(file, int(line)).strip()
            lines.append(f"  at {self.place}: {source}" if source else f"  at {self.place}")
        return "\n".join([*lines, f"  hint: {self.hint} [{self.code}]"])

    def located(self, places: Sequence[str | None]) -> ProgramError:
        """The same, at the line in `places` of its operation."""
        if self.place is None and self.node is not None and self.node < len(places):
            self.place = places[self.node]
        return self


class ClientError(Exception):
    """A server, or a check of this client, refused; or a server cannot be reached."""

    def __init__(self, code: str, cause: str) -> None:
        super().__init__(f"{cause} [{code}]")
        #: The stable code, such as ``"survey.unknown"``.
        self.code = code
        #: What is wrong.
        self.cause = cause
