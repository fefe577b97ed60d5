"""Opens a study in TensorBoard, in a headless Chromium, and takes screenshots.

    python -m tools.lab.screenshots --study_dir=runs/mine --output_dir=docs

Scalars, the table of hyperparameters and their parallel coordinates; fails if names or metrics of
the study are missing from them. Needs the extra `dev`, and Chromium with its driver in PATH.
TensorBoard listens on the loopback only, and ends with this program.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from absl import flags
from tfoptcmp.tools.common import cli
from tfoptcmp.tools.common.cli import UserError

_STUDY_DIR = flags.DEFINE_string(
    "study_dir", None, "A directory of studies with TensorBoard events."
)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", ".", "Directory for the PNG files.")

_GROUPS = {"Pictures": (_STUDY_DIR, _OUTPUT_DIR)}

# Views: name of the picture to (tab of TensorBoard, tab within it, what has to be there).
_VIEWS = {
    "scalars": ("timeseries", None, ("loss/train", "loss/validation")),
    "hparams": ("hparams", None, ("Optimizer", "decay_factor", "validation loss")),
    "parallel": ("hparams", "PARALLEL COORDINATES VIEW", ("decay_factor", "validation loss")),
}
_SECONDS = 60

# TensorBoard's elements are in shadow roots, which text and selectors of the page do not reach.
_FIND = """
const found = [];
const walk = node => {
  if (node.nodeType === Node.TEXT_NODE) { found.push([node.textContent, node.parentElement]); }
  if (node.shadowRoot) { walk(node.shadowRoot); }
  if (!["STYLE", "SCRIPT"].includes(node.tagName)) { node.childNodes.forEach(walk); }
};
walk(document.body);
"""
_TEXT = _FIND + 'return found.map(pair => pair[0]).join("");'
_CLICK = _FIND + "found.find(pair => pair[0].trim().toUpperCase() === arguments[0])[1].click();"


def _run(argv: list[str]) -> None:
    if argv:
        raise UserError(f"takes flags only; got {argv}")
    if _STUDY_DIR.value is None or not list(Path(_STUDY_DIR.value).glob("*/study.json")):
        raise UserError(f"--study_dir must be a directory of studies; got {_STUDY_DIR.value!r}")
    if not shutil.which("chromedriver"):
        raise UserError("needs Chromium and its driver, chromedriver, in PATH")
    directory = Path(_OUTPUT_DIR.value)
    directory.mkdir(parents=True, exist_ok=True)
    with _tensorboard(_STUDY_DIR.value) as address, _browser() as browser:
        for name, (tab, inner, needed) in _VIEWS.items():
            browser.get(f"{address}#{tab}")
            browser.refresh()  # a new fragment alone loads nothing
            if inner:
                _wait_for(browser, (inner,), case=str.upper)
                browser.execute_script(_CLICK, inner)
            _wait_for(browser, needed)
            time.sleep(2)  # animations
            path = directory / f"tensorboard-{name}.png"
            browser.save_screenshot(str(path))
            print(path, flush=True)


def _wait_for(browser: Any, needed: tuple[str, ...], case: Callable[[str], str] = str) -> None:
    """Waits until the page shows all of these texts."""
    deadline = time.monotonic() + _SECONDS
    while missing := [text for text in needed if text not in case(browser.execute_script(_TEXT))]:
        if time.monotonic() > deadline:
            raise UserError(f"TensorBoard does not show {missing} at {browser.current_url}")
        time.sleep(0.5)


@contextmanager
def _tensorboard(study_dir: str) -> Iterator[str]:
    """Starts TensorBoard on a directory; yields its address."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tensorboard.main", f"--logdir={study_dir}"),
            *("--host=127.0.0.1", "--port=0", "--reload_interval=0"),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        said = []
        assert process.stderr is not None, "a pipe"
        for line in process.stderr:
            said.append(line)
            if address := re.search(r"http://\S+", line):
                yield address[0]
                break
        else:
            raise UserError("TensorBoard did not start:\n" + "".join(said))
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def _browser() -> Iterator[Any]:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1600,1000"):
        options.add_argument(argument)
    driver = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    browser = webdriver.Chrome(options=options, service=driver)
    try:
        yield browser
    finally:
        browser.quit()


def main() -> None:
    """Entry point."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
