"""What the file system refuses to read is named, and not taken for absent."""

import errno
import multiprocessing
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.study.test_files import CONFIG, TRIAL, trial
from tfoptcmp.analysis import load_studies
from tfoptcmp.study import durable
from tfoptcmp.study.files import CannotRead, exists, find, find_below
from tfoptcmp.study.read import find_studies, read_reruns, read_study
from tfoptcmp.study.schema import StudyError, trial_directory
from tfoptcmp.study.write import open_study


@pytest.fixture
def studies(tmp_path):
    """Two studies of three trials, one with a re-run; their parent."""
    for name in ("adam", "sgd"):
        with open_study(tmp_path / name, CONFIG) as writer:
            for index in range(3):
                writer.write_trial(trial(index))
                with writer.measurements(index) as file:
                    file.write(TRIAL.final)
    with open_study(tmp_path / "sgd", CONFIG) as writer:
        writer.write_trial(trial(0), 1)
        with writer.measurements(0, 1) as file:
            file.write(TRIAL.final)
    return tmp_path


# A link to itself cannot be read by anybody, root included; the message is the system's.
def link_to_itself(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    path.symlink_to(path.name)


def link_to_nowhere(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    path.symlink_to("nowhere")


@pytest.mark.parametrize("spoil", [link_to_itself, link_to_nowhere])
@pytest.mark.parametrize(
    "name",
    [
        "sgd/trials/000001/metadata.json",
        "sgd/trials/000001",
        "sgd/trials",
        "sgd/study.json",
        "sgd",
    ],
)
def test_a_trial_or_study_that_cannot_be_read_is_named(studies, name, spoil):
    spoil(studies / name)
    with pytest.raises(StudyError, match=f"{studies / name}.*cannot be read") as caught:
        load_studies(studies)
    assert "damaged" not in str(caught.value)
    assert "remove" not in str(caught.value)


def test_a_measurement_or_rerun_that_cannot_be_read_is_named(studies):
    link_to_itself(studies / "sgd/reruns/000000-1")
    with pytest.raises(CannotRead, match="000000-1"):
        read_reruns(studies / "sgd")
    link_to_itself(studies / "sgd/trials/000002/measurements.csv")
    with pytest.raises(CannotRead, match=r"measurements\.csv"):
        read_study(studies / "sgd").measurements(2)


def test_what_is_not_there_is_absent(tmp_path):
    (tmp_path / "file").touch()
    assert not exists(tmp_path / "nothing/at/all")
    assert not exists(tmp_path / "file/below")
    assert find(tmp_path / "nothing", "*/study.json") == []
    assert find(tmp_path, "*/study.json") == []
    assert find_below(tmp_path / "nothing", "*") == find_below(tmp_path / "file", "*") == []


@pytest.mark.parametrize("name", ["n" * 300, "a\0b"])
def test_names_that_no_file_can_have_are_refused_in_words(tmp_path, name):
    for look in (exists, find_studies, read_study):
        with pytest.raises(CannotRead, match="cannot be read"):
            look(tmp_path / name)


def told_to_nobody(directory, answers):
    """What a user without rights reads; root itself may read everything."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    try:
        answers.put(sum(len(read_study(study).trials) for study in find_studies(directory)))
    except Exception as error:
        answers.put(f"{type(error).__name__} {error}")


@pytest.mark.parametrize("name", ["sgd/trials/000001", "sgd/trials", "sgd", "."])
def test_without_permission(studies, name):
    context = multiprocessing.get_context("fork")

    def told():
        answers = context.SimpleQueue()
        child = context.Process(target=told_to_nobody, args=(directory, answers))
        child.start()
        child.join()
        return answers.get()

    with tempfile.TemporaryDirectory() as there:  # pytest's is closed to others
        directory = Path(there) / "studies"
        shutil.copytree(studies, directory)
        for path in (Path(there), *Path(there).rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        assert told() == 6
        (directory / name).chmod(0)
        assert told().startswith(f"CannotRead {directory / name}")
        (directory / name).chmod(0o755)


def test_trials_from_a_million_on_come_in_their_order(tmp_path):
    with open_study(tmp_path, CONFIG) as writer:
        for index in (1_000_000, 2, 999_999):
            writer.write_trial(trial(index))
    found = read_study(tmp_path).trials
    assert [one.index for one in found] == [2, 999_999, 1_000_000]


def test_a_link_is_not_written_through(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "measurements.csv").write_text("mine")
    with open_study(tmp_path / "study", CONFIG) as writer:
        folder = trial_directory(writer.directory, 0)
        folder.parent.mkdir()
        folder.symlink_to(elsewhere)
        with pytest.raises(StudyError, match="is a link"):
            writer.write_trial(trial(0))
        writer.write_trial(trial(1))
        (trial_directory(writer.directory, 1) / "measurements.csv").symlink_to(
            elsewhere / "measurements.csv"
        )
        with pytest.raises(StudyError, match="is a link"), writer.measurements(1):
            pass
    assert sorted(path.name for path in elsewhere.iterdir()) == ["measurements.csv"]
    assert (elsewhere / "measurements.csv").read_text() == "mine"


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_without_fsync_is_told_and_can_be_used(tmp_path, monkeypatch, number):
    def refuse(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with (
        pytest.raises(StudyError, match=r"refuses fsync.*--nodurable"),
        open_study(tmp_path / "study", CONFIG),
    ):
        pass
    durable.synchronise(False)
    try:
        with open_study(tmp_path / "study", CONFIG) as writer:
            writer.write_trial(trial(0))
    finally:
        durable.synchronise(True)
    assert len(read_study(tmp_path / "study").trials) == 1
