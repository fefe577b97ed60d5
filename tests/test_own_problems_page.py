"""The examples of docs/own-problems.md run as they stand there."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbclient
import nbformat
import pytest

from tests import programs
from tfoptcmp.study.read import find_studies, read_study

PAGE = Path(__file__).parent.parent / "docs" / "own-problems.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def run(code, directory, **start):
    """Runs a script without a `__main__` guard, as people write them."""
    script = directory / "script.py"
    script.write_text(code, encoding="utf-8")
    done = programs.run(script, cwd=directory, timeout=300, **start)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def block(beginning):
    (found,) = (code for code in BLOCKS if beginning in code)
    return found


def test_regression_and_its_best_trial(tmp_path):
    said = run(block("load_diabetes") + block('result.best("adam")'), tmp_path, fresh=True)
    assert re.search(r"^(SGD|Momentum|Adam).* at K = 2", said, re.MULTILINE), said
    assert re.search(r"^trial \d+ of adam: learning_rate=.*decay_factor=", said, re.MULTILINE)
    assert (tmp_path / "runs" / "diabetes-report" / "report.html").exists()
    for path in find_studies(tmp_path / "runs" / "diabetes"):
        assert sum(trial.status == "COMPLETE" for trial in read_study(path).trials) == 20


def test_a_classifier_by_accuracy(tmp_path):
    imports = "import keras\nimport tfoptcmp\n"
    said = run(imports + block("load_digits"), tmp_path)
    assert "Highest mean test accuracy of the best of K = 2 trials" in said
    assert "higher is better" in said


def test_a_workload_in_a_file(tmp_path):
    code = block("# code_lines.py")
    assert len([line for line in code.splitlines() if line and line[0] != "#"]) <= 12
    (tmp_path / "code_lines.py").write_text(code, encoding="utf-8")
    done = programs.run(
        *("tune", "--import_module=code_lines", "--workload=code_lines"),
        *("--optimizers=momentum,adam", "--num_feasible=20", "--study_dir=runs/code_lines"),
        cwd=tmp_path,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    done = programs.run("report", "runs/code_lines", cwd=tmp_path, timeout=300)
    assert re.match(r"code_lines: (Momentum|Adam|No)", done.stdout), done.stdout + done.stderr


def test_a_notebook(tmp_path):
    code = block("load_diabetes")
    start, call = code.split("result = tfoptcmp.compare(")
    call = (
        call.replace("num_feasible=20", "num_feasible=20, num_workers=1")
        .replace("steps=200", "steps=20")
        .replace('["sgd", "momentum", "adam"]', '["sgd", "momentum"]')
    )
    cells = [start, f"result = tfoptcmp.compare({call.split('print(')[0]}", "result"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    (output,) = notebook.cells[-1].outputs
    html = output["data"]["text/html"]
    assert re.match("<p><b>(SGD|Momentum)", html)
    assert '<img alt="Differences of optimizers" src="data:image/png;base64,' in html
    assert "optimizer" in output["data"]["text/plain"]


@pytest.mark.parametrize("code", [block("within = Metric")])
def test_the_metric_of_ones_own(code, tmp_path):
    more = """
import numpy as np
import keras, tfoptcmp
x = np.random.default_rng(0).normal(size=(300, 4))
y = x.sum(axis=1)
build = lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
data = {"train": (x[:200], y[:200]), "validation": (x[200:], y[200:])}
print(tfoptcmp.compare(build, **data, loss="mse", metric=within, measure=hit,
                       optimizers=["adam"], steps=30, num_feasible=4, directory="runs/w"))
"""
    said = run(code + more, tmp_path)
    assert "Within 0.5 and training loss" in said


def test_rounds_and_looks(tmp_path):
    """`compare` runs both, and its result is of what they judge."""
    said = run(
        """
import keras, numpy as np, tfoptcmp
from tfoptcmp.study.read import read_study
x = np.random.default_rng(0).normal(size=(400, 4))
settings = {
    "train": (x, x.sum(axis=1)), "validation": 100, "loss": "mse", "steps": 10,
}
build = lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
one = tfoptcmp.compare(
    build, **settings, optimizers=["sgd"], refine=2, num_feasible=20, directory="runs/refined"
)
print("ROUNDS", len(one.comparison.contestants[0].earlier), one.best("sgd").trial)
more = tfoptcmp.compare(
    build, **settings, optimizers=["sgd"], refine=2, num_feasible=60, directory="runs/refined"
)
print("MORE", [one.num_feasible for one in more.comparison.contestants[0].rounds])
two = tfoptcmp.compare(
    build, **settings, optimizers=["sgd", "momentum"], max_feasible=20, directory="runs/looks"
)
print("LOOKS", [look.num_trials for look in two.comparison.looks.looks])
three = tfoptcmp.compare(
    build, **settings, optimizers=["sgd", "momentum"], refine=2, max_feasible=24, tuning_budget=4,
    directory="runs/both",
)
print("BOTH", [len(one.earlier) for one in three.comparison.contestants],
      [look.num_trials for look in three.comparison.looks.looks][:1])
for number in (33, 161):
    try:
        tfoptcmp.compare(
            build, **settings, max_feasible=160, tuning_budget=number, directory="runs/x"
        )
    except ValueError as error:
        print("REFUSED", error)
""",
        tmp_path,
    )
    assert "ROUNDS 1" in said
    assert "MORE [20, 60]" in said  # the plan on record, not the default of N = 60
    assert "LOOKS [20]" in said
    assert "BOTH [1, 1] [20]" in said
    assert "REFUSED max_feasible must be >= 165; got 160" in said
    assert "REFUSED tuning_budget must be from 1 to 160, the trials of each" in said
    assert (tmp_path / "runs" / "looks" / "looks.json").exists()


def test_interrupted_it_goes_on(tmp_path):
    """SIGINT, as Ctrl-C and "interrupt kernel" send, and the same call again."""
    code = """
import keras, numpy as np, sys, tfoptcmp
x = np.random.default_rng(0).normal(size=(400, 4))
build = lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
print(tfoptcmp.compare(
    build, train=(x, x.sum(axis=1)), validation=100, loss="mse", steps=5_000, num_measurements=100,
    optimizers=["adam"], num_feasible=2, num_workers=1, directory="runs/i",
).best("adam"))
"""
    script = tmp_path / "script.py"
    script.write_text(code, encoding="utf-8")
    running = subprocess.Popen([sys.executable, str(script)], cwd=tmp_path, stderr=subprocess.PIPE)
    measured = tmp_path / "runs/i/adam/trials/000000/measurements.csv"
    end = time.monotonic() + 120
    while not (measured.exists() and measured.read_text().count("\n") > 2):
        assert time.monotonic() < end
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, error = running.communicate(timeout=60)
    assert running.returncode != 0
    assert b"the same command resumes" in error
    assert "of adam" in run(code, tmp_path)
