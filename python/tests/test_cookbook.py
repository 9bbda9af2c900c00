"""Runs the cookbook's page."""

import re
from pathlib import Path

import numpy as np
from sklearn.metrics import cohen_kappa_score

PAGE = Path(__file__).parents[2] / "docs" / "src" / "cookbook.md"


def test_the_cookbook() -> None:
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(block, names)  # noqa: S102, the page is ours
    sales = [int(value) for value in np.random.default_rng(5).integers(1, 1000, 40)]
    first = (["good", "fair", "poor", "good"] * 10)[:40]
    second = (["good", "fair", "good", "poor", "good"] * 8)[:40]
    data = {"sales": sales, "first": first, "second": second}
    total, top = sum(sales), sorted(sales)[36:]
    for parties in (1, 3):
        result = names["report"].simulate(data, parties=parties)
        for name, expected in {
            "top tenth": sum(top) / total,
            "concentration": sum(value**2 for value in sales) / total**2,
            "kappa": cohen_kappa_score(first, second),
        }.items():
            assert abs(float(result[name]) - expected) <= result[name].error + 1e-9, name
