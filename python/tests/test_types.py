"""The package's types are those of its code, and of programs that use it."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import mpcstats as ms

@ms.program
def spread(t: ms.Table) -> dict[str, object]:
    rich = t[t.balance > 100]
    line = ms.linear_regression(t.balance, t.age)
    return {"n": rich.count(), "sd": t.balance.std(), "slope": line.slope, "by": t.groupby("city").balance.mean()}

low: float = float(spread.simulate({"balance": [1], "age": [2], "city": ["a"]}).sd)
"""

WRONG = """
import mpcstats as ms

def program(t: ms.Table) -> ms.Scalar:
    return ms.trim_mean(t.balance)
"""


def strict(*what: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", "/dev/null", *what]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_package_is_typed() -> None:
    # By its name, as users import it: by its path, mypy takes the packages installed beside it for the user's own.
    checked = strict("--package", "mpcstats")
    assert checked.returncode == 0, checked.stdout


def test_programs_are_checked_against_the_stubs(tmp_path: Path) -> None:
    program, wrong = tmp_path / "program.py", tmp_path / "wrong.py"
    program.write_text(PROGRAM)
    wrong.write_text(WRONG)
    checked = strict(str(program))
    assert checked.returncode == 0, checked.stdout
    assert "Missing positional argument" in strict(str(wrong)).stdout
