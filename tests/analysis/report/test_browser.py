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
  document.getElementById("found").textContent = JSON.stringify({
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
