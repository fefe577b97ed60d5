"""Packed studies: unpacking restores the bytes, tables stay equal, resuming needs unpacking."""

import gzip
import json
import shutil

import pandas as pd
import pytest
from tfoptcmp.tools.common.clock import CLOCK
from tfoptcmp.tools.lab.faults import fake
from tfoptcmp.tuners.executors import InProcess
from tfoptcmp.tuners.reruns import rerun_winner

from tfoptcmp.analysis import load_studies, read_comparisons
from tfoptcmp.study.pack import MEASUREMENTS, TRIALS, is_packed, pack, unpack
from tfoptcmp.study.read import read_config, read_reruns
from tfoptcmp.study.schema import StudyError
from tfoptcmp.study.write import open_study


@pytest.fixture
def study(tmp_path):
    """A study of five feasible trials and a re-run; beside it, what it was."""
    directory = tmp_path / "momentum"
    fake.study(directory)
    (first, *_) = sorted(directory.glob("trials/*"))
    shutil.copytree(directory, tmp_path / "before")
    assert (first / "measurements.csv").exists()
    return directory


def files(directory):
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def test_unpacking_gives_the_same_bytes(study, tmp_path):
    pack(study)
    assert {path.name for path in study.iterdir()} == {"study.json", TRIALS, MEASUREMENTS}
    packed = files(study)
    unpack(study)
    assert files(study) == files(tmp_path / "before")
    pack(study)
    assert files(study) == packed


def test_packed_studies_read_the_same(study):
    before, (comparison,) = load_studies(study), read_comparisons(study)
    pack(study)
    pd.testing.assert_frame_equal(load_studies(study), before)
    (again,) = read_comparisons(study)
    (old,), (new,) = comparison.contestants, again.contestants
    pd.testing.assert_frame_equal(new.measurements, old.measurements)


def test_a_packed_study_is_not_resumed(study):
    config = read_config(study / "study.json")
    pack(study)
    message = "is packed and cannot be resumed: tfoptcmp-pack --unpack"
    with pytest.raises(StudyError, match=message), open_study(study, config):
        pass
    unpack(study)
    with open_study(study, config):
        pass


def test_what_would_not_come_back_is_not_packed(study):
    first = study / "trials" / "000000"
    metadata = json.loads((first / "metadata.json").read_text())
    (first / "metadata.json").write_text(json.dumps(metadata))  # not as programs write it
    with pytest.raises(StudyError, match="000000 could not be restored exactly"):
        pack(study)
    assert not is_packed(study)
    assert (first / "measurements.csv").exists()


def test_a_measurement_that_is_cut_off_is_not_packed(study):
    path = study / "trials" / "000000" / "measurements.csv"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(StudyError, match="is incomplete: resume the study"):
        pack(study)


@pytest.mark.parametrize("name", [TRIALS, MEASUREMENTS])
def test_damage_is_named(study, name):
    pack(study)
    path = study / name
    damaged = path.read_bytes()[:-20]
    path.write_bytes(damaged)
    with pytest.raises(StudyError, match=name):
        load_studies(study)


def test_measurements_of_no_trial_are_damage(study):
    pack(study)
    text = gzip.decompress((study / MEASUREMENTS).read_bytes()).decode()
    last = text.splitlines()[-1].split(",", 1)[1]
    (study / MEASUREMENTS).write_bytes(gzip.compress(f"{text}99,{last}\n".encode()))
    with pytest.raises(StudyError, match="no trial"):
        load_studies(study)


def test_files_of_others_are_not_removed(study):
    (study / "trials" / "000000" / "notes.txt").write_text("mine")
    with pytest.raises(StudyError, match=r"notes.txt is not a file of a trial"):
        pack(study)
    assert (study / "trials" / "000000" / "notes.txt").exists()


def test_what_is_left_of_a_packed_study_is_not_packed_again(study):
    pack(study)
    (study / TRIALS).unlink()
    assert is_packed(study)
    with pytest.raises(StudyError, match=r"trials.csv cannot be read"):
        load_studies(study)


def test_a_row_with_too_many_cells_is_damage(study):
    pack(study)
    lines = (study / TRIALS).read_text().splitlines()
    (study / TRIALS).write_text("\n".join([lines[0], lines[1] + ",1,2", *lines[2:]]) + "\n")
    with pytest.raises(StudyError, match="trial 0 must have a cell for each column"):
        load_studies(study)


def test_folders_of_others_are_not_removed(study):
    shutil.copytree(study / "trials" / "000000", study / "trials" / "backup")
    with pytest.raises(StudyError, match="backup does not belong to a trial"):
        pack(study)
    assert (study / "trials" / "backup" / "metadata.json").exists()


def test_packed_reruns_are_checked_like_unpacked_ones(study):
    rerun_winner(study, fake.config(), InProcess(fake.run_trial), 2, CLOCK)
    before = read_reruns(study)
    pack(study)
    assert read_reruns(study) == before
    text = gzip.decompress((study / MEASUREMENTS).read_bytes()).decode().splitlines(keepends=True)
    last = max(i for i, line in enumerate(text) if line.split(",")[1] == "0")
    (study / MEASUREMENTS).write_bytes(
        gzip.compress("".join(text[:last] + text[last + 1 :]).encode())
    )
    with pytest.raises(StudyError, match=MEASUREMENTS):
        read_reruns(study)
