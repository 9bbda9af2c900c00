"""The client against a whole survey: the servers of `mpcstats demo`, as processes of this machine."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import mpcstats as ms
import pytest

ROOT = Path(__file__).parents[2]
#: Built by `cargo build --bin mpcstats`.
BINARY = Path(os.environ.get("MPCSTATS", ROOT / "target/debug/mpcstats"))
PROVIDERS = 12


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict]:
    """What the demo prints once everything is up."""
    assert BINARY.exists(), f"{BINARY} is missing: run `cargo build --bin mpcstats`, or set MPCSTATS"
    folder = tmp_path_factory.mktemp("demo")
    command = [BINARY, "demo", "--providers", str(PROVIDERS), "--folder", folder, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            assert line, f"the demo ended; see {folder}"
            yield json.loads(line)
        finally:
            process.send_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def client(demo: dict) -> ms.Client:
    return ms.Client(demo["survey"], Path(demo["folder"], "consumer.key"))


@ms.program
def inequality(t: ms.Table):
    eth = t.eth_free
    return {
        "count": eth.count(),
        "sum": eth.sum(),
        "mean": eth.mean(),
        "median": eth.median(),
        "max": eth.max(),
        "gini": ms.gini(eth),
    }


def test_a_listed_plan_gives_what_the_demo_prints(client: ms.Client, demo: dict) -> None:
    assert client.plans == ["inequality", "distribution"]
    assert sum(epoch.accounts for epoch in client.epochs()) == PROVIDERS
    release = client.run("inequality")
    assert release.accounts == PROVIDERS and release.epochs
    for row in demo["results"]:
        assert float(release[row["path"][0]]) == row["value"]
    assert f"{PROVIDERS} accounts" in release._repr_html_() and "gini" in release._repr_html_()


def test_a_program_that_traces_to_a_listed_plan_is_that_plan(client: ms.Client) -> None:
    assert client.run(inequality).release == client.run("inequality").release


def test_an_address_with_an_id_is_enough(client: ms.Client, demo: dict) -> None:
    address = client.definition["coordinator"]["address"]
    keys = Path(demo["folder"], "consumer.key")
    assert ms.Client(f"{address}/#{client.id}", keys).run("inequality").accounts == PROVIDERS
    with pytest.raises(ms.ClientError) as caught:
        ms.Client(f"{address}/#{'0' * 64}", keys)
    assert caught.value.code == "wrong_survey"
    with pytest.raises(ms.ClientError):
        ms.Client(address, keys)  # Its certificate is under no public authority.


def test_programs_of_ones_own_run_and_small_groups_are_withheld(client: ms.Client) -> None:
    @ms.program
    def own(t: ms.Table):
        eth = t.eth_free
        return {"n": t.count(), "total": eth.sum(), "sd": eth.std(), "none": eth[eth < 0].sum()}

    release, listed = client.run(own), client.run("inequality")
    assert (float(release.n), release.total.exact) == (PROVIDERS, listed.sum.exact)
    assert float(release.sd) > 0 and release.none.withheld == "too_few"
    assert client.verify(release.certificate, own).total == release.total
    with pytest.raises(ms.ClientError):
        client.verify(release.certificate)  # The survey does not list its plan.


def test_a_changed_certificate_is_refused(client: ms.Client) -> None:
    release = client.run("inequality")
    assert str(client.verify(release.certificate)) == str(release)
    changed = json.loads(json.dumps(release.certificate))
    changed["statement"]["count"] += 1
    with pytest.raises(ms.ClientError) as caught:
        client.verify(changed)
    assert caught.value.code == "bad_signature"


def test_refusals_have_codes(client: ms.Client, demo: dict) -> None:
    stranger = ms.Client(demo["survey"], Path(demo["folder"], "party0.key"))
    with pytest.raises(ms.ClientError) as caught:
        stranger.run("inequality")
    assert caught.value.code == "unknown_consumer"
    with pytest.raises(ms.ClientError) as caught:
        client.run("median_of_everything")
    assert caught.value.code == "unknown_plan"
    with pytest.raises(ms.ProgramError) as caught:
        client.run(ms.program(lambda t: t["age"].mean()))
    assert caught.value.code == "plan.unknown_column"
    with pytest.raises(ms.ClientError) as caught:
        ms.Client(demo["survey"], Path(demo["folder"], "no.key"))
    assert "no.key" in caught.value.cause


#: A program in a file, as the command traces it.
PROGRAM = """
import mpcstats as ms


@ms.program
def held(t: ms.Table):
    return {"n": t.count(), "held": t.eth_free.sum()}
"""


def command(*arguments: str | Path) -> str:
    """What a command prints; its `python3` is the one that runs this."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, env={**os.environ, "PATH": path})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_asks_a_program_in_a_file(demo: dict, tmp_path: Path) -> None:
    program = tmp_path / "held.py"
    program.write_text(PROGRAM)
    keys = Path(demo["folder"], "consumer.key")
    asked = command("query", "--survey", demo["survey"], "--keys", keys, "--program", program, "--json")
    results = {row["path"][0]: row["value"] for row in json.loads(asked)["results"]}
    assert results["n"] == PROVIDERS and results["held"] > 0


def test_a_survey_lists_a_program_in_a_file(demo: dict, tmp_path: Path) -> None:
    for file in Path(demo["folder"]).glob("*.toml"):
        (tmp_path / file.name).write_text(file.read_text())
    (tmp_path / "held.py").write_text(PROGRAM)
    survey = tmp_path / "survey.toml"
    listed = '\n[[plans]]\nname = "held"\nprogram = "held.py"\n'
    survey.write_text(survey.read_text() + listed)
    assert "held" in command("survey", "check", tmp_path)
