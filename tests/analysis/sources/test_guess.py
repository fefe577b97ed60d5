"""The first `audit.toml` for a table."""

import tomllib

from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.analysis.sources.guess import write_guess


def test_an_optimizer_in_a_folder(write):
    """It was left out without a word."""
    path = write("optimizer._target_,optimizer.lr,val/acc\nx.Adam,0.1,0.9\nx.SGD,0.2,0.8\n")
    write_guess(path)
    text = (path.parent / "audit.toml").read_text()
    assert tomllib.loads(text)["map"] == {
        "optimizer": "optimizer._target_",
        "validation": "1 - `val/acc`",
    }
    assert "# not read: optimizer.lr\n" in text and "missing" not in text
    assert len(read_comparisons(path)[0].contestants) == 2


def test_what_is_missing_is_said(write):
    said = write_guess(write("kind,lr,outcome\nadam,0.1,0.9\nsgd,0.2,0.8\n"))
    for what in ("optimizer", "validation or test"):
        assert f"# {what} is missing: no name says which column it is" in said
