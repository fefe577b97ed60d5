"""TensorBoard shows a study, in a real browser where there is one."""

import shutil

import pytest

from tests.programs import run

pytestmark = pytest.mark.skipif(
    not shutil.which("chromedriver"), reason="needs chromium and chromedriver in PATH"
)


def test_tensorboard_shows_scalars_hyperparameters_and_metrics(tmp_path):
    studies, pictures = tmp_path / "studies", tmp_path / "pictures"
    tuned = run(
        "tune",
        *("--workload=digits_simple_cnn", "--optimizers=sgd", "--scale=smoke", "--steps=4"),
        *("--num_feasible=2", "--threads_per_trial=1", f"--study_dir={studies}"),
    )
    assert tuned.returncode == 0, tuned.stderr
    shown = run("lab.screenshots", f"--study_dir={studies}", f"--output_dir={pictures}")
    assert shown.returncode == 0, shown.stderr
    names = {path.name for path in pictures.iterdir()}
    assert names == {f"tensorboard-{view}.png" for view in ("scalars", "hparams", "parallel")}
    for path in pictures.iterdir():
        assert path.stat().st_size > 20_000  # an empty page is much smaller


def test_what_is_not_a_directory_of_studies_is_refused(tmp_path):
    refused = run("lab.screenshots", f"--study_dir={tmp_path}")
    assert refused.returncode == 2
    assert "--study_dir must be a directory of studies" in refused.stderr
