"""Asking the parties of a survey."""

from __future__ import annotations

import html
import json
import os
from dataclasses import dataclass
from typing import Any, Sequence

from mpcstats import _native
from mpcstats.errors import ProgramError
from mpcstats.program import Program
from mpcstats.result import Result, Value


class Release(Result):
    """A result of the parties of a survey, and the certificate that proves it."""

    def __init__(self, rows: list[tuple[list[str], Value]], certificate: dict[str, Any]) -> None:
        super().__init__(rows)
        #: What the three parties signed, and the components of the result; ``json.dump`` it to keep it.
        self.certificate = certificate

    @property
    def accounts(self) -> int:
        """How many submissions the result covers."""
        return int(self.certificate["statement"]["count"])

    @property
    def release(self) -> int:
        """The release's number within the survey."""
        return int(self.certificate["statement"]["release"])

    @property
    def epochs(self) -> list[int]:
        """The closed epochs that it covers."""
        return list(self.certificate["statement"]["epochs"])

    def _repr_html_(self) -> str:
        about = f"release {self.release}: {self.accounts} accounts, signed by three parties"
        return super()._repr_html_().replace("<table>", f"<table><caption>{html.escape(about)}</caption>", 1)


@dataclass(frozen=True)
class Epoch:
    """A closed run of accepted submissions."""

    #: Its number.
    number: int
    #: How many accounts it holds.
    accounts: int


class Client:
    """A consumer of a survey.

    `survey` is its address, ``https://host:port/#id`` (the id is what the organiser published: whatever the server
    sends is checked against it), or the file of a signed survey. `keys` is the key file of a consumer that the survey
    lists. An address without an id needs a certificate of a public authority; `organiser` is then the key that must
    have signed the survey.
    """

    def __init__(self, survey: str | os.PathLike[str], keys: str | os.PathLike[str], organiser: str | None = None) -> None:
        self._connection = _native.Connection(os.fspath(survey), os.fspath(keys), organiser)

    def __repr__(self) -> str:
        return f"<mpcstats.Client of survey {self.id}>"

    @property
    def id(self) -> str:
        """The survey's id: the hash of its definition."""
        return self._connection.id

    @property
    def definition(self) -> dict[str, Any]:
        """The survey, as its organiser signed it."""
        definition: dict[str, Any] = json.loads(self._connection.definition())
        return definition

    @property
    def schema(self) -> dict[str, Any]:
        """The data set's columns: what programs are traced against."""
        schema: dict[str, Any] = json.loads(self._connection.schema())
        return schema

    @property
    def limits(self) -> dict[str, Any]:
        """What the survey's policy allows: give them to ``simulate`` to get its refusals on data of your own."""
        limits: dict[str, Any] = self.definition["policy"]["limits"]
        return limits

    @property
    def plans(self) -> list[str]:
        """The names of the plans that the survey lists. Any other needs a survey that lets it in."""
        return [plan["name"] for plan in self.definition["plans"]]

    def epochs(self) -> list[Epoch]:
        """The closed epochs. Every question covers some of them, whole."""
        return [Epoch(epoch["number"], epoch["accounts"]) for epoch in json.loads(self._connection.epochs())]

    def run(self, program: Program | str, epochs: Sequence[int] | None = None, patience: float = 600) -> Release:
        """Asks the parties for `program` (or a listed plan, by name), waits, and checks what they answer.

        A program that traces to a plan of the survey's list is that plan. Without `epochs`, all closed ones are asked
        about. The three parties' signatures, and that they are about this plan, these epochs and this consumer, are
        checked before anything is returned. Asking the same again gives the same release.

        :raises ClientError: if a server refuses or cannot be reached, or a check fails.
        :raises ProgramError: if the program does not fit the survey.
        """
        plan, places = (program, []) if isinstance(program, str) else program._trace(self.schema)
        try:
            answer = json.loads(self._connection.ask(plan, None if epochs is None else list(epochs), patience))
        except ProgramError as error:
            raise error.located(places) from None
        return Release(Result.rows_of(answer["results"]), answer["certificate"])

    def verify(self, certificate: dict[str, Any], program: Program | None = None) -> Release:
        """Checks a kept certificate against the survey, without asking anybody, and reads its results.

        `program` is the one it is about, if the survey does not list that.
        """
        plan = None if program is None else program.plan(self.schema)
        results = json.loads(self._connection.verify(json.dumps(certificate), plan))
        return Release(Result.rows_of(results), certificate)
