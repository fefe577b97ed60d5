"""The report in a real browser: headless Chromium, where it is installed."""

import json
import re
import shutil
import subprocess
from html import unescape

import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.report.files import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium in PATH")

# Looks at the report in a frame as wide as a phone, and clicks a heading.
HARNESS = """
<!DOCTYPE html><title>harness</title><pre id="found"></pre>
<iframe src="report.html" style="width: 390px; height: 800px"></iframe>
<script>
document.querySelector("iframe").addEventListener("load", async event => {
  const page = event.target.contentDocument;
  const images = Array.from(page.images);
  await Promise.all(images.map(image => image.decode().catch(() => {})));
  const table = page.querySelector("h3[id^=results] ~ .scroll table");
  const first = () => Array.from(table.tBodies[0].rows, row => row.cells[1].textContent);
  const before = first();
  table.tHead.rows[0].cells[1].click();
  const up = first();
  table.tHead.rows[0].cells[1].click();
  const explorer = page.querySelector(".explorer");
  const count = () => explorer.querySelectorAll("svg .point, svg .diverged").length;
  const rows = () => explorer.querySelectorAll("tbody tr").length;
  const explored = {points: [count()], rows: [rows()]};
  const plot = explorer.querySelector("svg[role]");
  const point = plot.querySelector(".point").getBoundingClientRect();
  const at = {clientX: point.x + point.width / 2, clientY: point.y + point.height / 2,
              bubbles: true};
  plot.dispatchEvent(new event.target.contentWindow.MouseEvent("click", at));
  explored.told = explorer.querySelector(".told").textContent;
  explored.curve = explorer.querySelectorAll(".curve polyline").length;
  explored.chosen = explorer.querySelectorAll("tr.chosen").length;
  const search = explorer.querySelector("input");
  search.value = "adam, validation < 50";
  search.dispatchEvent(new Event("input"));
  explored.rows.push(rows());
  explored.titles = Array.from(explorer.querySelectorAll("tbody tr"),
                               row => row.cells[0].textContent);
  search.value = "";
  const button = explorer.querySelector(".controls button");
  button.click();
  explored.points.push(count());
  explored.pressed = button.getAttribute("aria-pressed");
  button.click();
  explored.points.push(count());
  document.getElementById("found").textContent = JSON.stringify({
    explored: explored,
    images: images.length,
    broken: images.filter(image => !image.naturalWidth).map(image => image.alt),
    overflow: page.documentElement.scrollWidth - page.documentElement.clientWidth,
    title: page.title,
    before: before, up: up, down: first(),
  });
});
</script>
"""


@pytest.fixture
def opened(six_rules, tmp_path):
    """What the browser found, and what it complained about."""
    finding = Finding(
        severity="error",
        subject="digits_simple_cnn: Adam",
        title="grave",
        evidence="1 < 2",
        next_step="run more",
    )
    write_report(read_comparisons(six_rules), tmp_path, findings=[finding], formats=())
    (tmp_path / "harness.html").write_text(HARNESS, encoding="utf-8")
    done = subprocess.run(
        [
            CHROMIUM,
            *("--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"),
            *("--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom"),
            f"--user-data-dir={tmp_path / 'profile'}",
            (tmp_path / "harness.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    written = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert written and written[1], done.stderr
    return json.loads(unescape(written[1])), done.stderr


def test_report_opens_without_errors_and_its_tables_sort(opened):
    found, complaints = opened
    assert "CONSOLE" not in complaints
    assert found["title"] == "Comparison of optimizers"
    assert found["images"] == 11
    assert found["broken"] == []
    assert found["overflow"] == 0  # on a phone only tables and wide figures scroll sideways
    numbers = [float(cell.split(" ")[0]) for cell in found["up"]]
    assert numbers == sorted(numbers)
    assert found["down"] == found["up"][::-1]
    assert sorted(found["before"]) == sorted(found["up"])


def test_trials_can_be_pointed_at_searched_and_switched_off(opened, six_rules):
    (found, _), (comparison,) = opened, read_comparisons(six_rules)
    explored = found["explored"]
    numbers = [len(one.ended) for one in comparison.contestants]
    assert explored["points"] == [sum(numbers), sum(numbers[1:]), sum(numbers)]
    assert explored["pressed"] == "false"
    name, _, rest = explored["told"].partition(": validation ")
    title, _, index = name.rpartition(" ")
    (one,) = [c for c in comparison.contestants if c.title == title]
    (row,) = [r for _, r in one.trials.iterrows() if r["trial"] == int(index)]
    assert float(rest.split(" ")[0]) == pytest.approx(100 * row["validation_metric"], abs=0.01)
    assert f"eta0 {one.values_of(row)['eta0']:.4g}" in rest
    assert explored["curve"] == 1
    assert explored["chosen"] == 1
    assert explored["rows"][0] == min(50, sum(numbers))
    good = [
        f"{c.title} {int(r['trial'])}"
        for c in comparison.contestants
        for _, r in c.feasible.iterrows()
        if "adam" in c.title.lower() and 100 * r["validation_metric"] < 50
    ]
    assert sorted(explored["titles"]) == sorted(good)
