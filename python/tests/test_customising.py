"""Runs the statistic of the page on customising."""

import json
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "src" / "customising.md"


def test_the_statistic() -> None:
    section = PAGE.read_text().split("## A new statistic")[1].split("\n## ")[0]
    blocks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    names: dict = {}
    for block in blocks:
        exec(block, names)  # noqa: S102, the page is ours
    steps = sorted(names["data"]["steps"])
    expected = sum(steps[90:]) / sum(steps[:40])
    for result in (names["in_the_clear"], names["by_three_parties"]):
        assert result["accounts"].value == 100
        assert abs(float(result["palma"]) - expected) <= result["palma"].error + 1e-9
    assert json.loads(names["plan"])["outputs"]
