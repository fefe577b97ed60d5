"""tfoptcmp-data as users run it."""

from tests.programs import run
from tests.workloads.prepared import write_data_set

BOOK = "WAR AND PEACE\r\n\r\nBy Leo Tolstoy\r\n\r\n" + '"Well, Prince", she said.\r\n' * 2_000


def data(*arguments):
    return run("data", *arguments)


def test_it_says_what_is_missing_how_large_it_is_and_how_to_get_it(tmp_path):
    done = data(f"--data_dir={tmp_path}")
    assert done.returncode == 3
    for part in (
        "digits_simple_cnn: its data come with an installed package",
        "CIFAR-10 (cifar10), for cifar10_resnet32, cifar10_vgg16",
        "official files 144,000 MB, prepared 167,000 MB",
        "get it: put ILSVRC2012_img_train.tar",
        "without it, the test error is absent",
        f"{tmp_path}/downloads/manual",
    ):
        assert part in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_it_says_what_is_there(tmp_path):
    examples = [{"text": b"a sentence"}] * 3
    write_data_set(tmp_path, "lm1b", "1.1.0", {"train": [examples], "test": [examples[:2]]})
    done = data(f"--data_dir={tmp_path}", "--workload=lm1b_transformer")
    assert done.returncode == 0, done.stderr
    assert "3 train, 2 test examples" in done.stdout
    assert "PARTIAL DATA: LM1B: 3 of 30301028 train examples" in done.stdout
    (tmp_path / "lm1b" / "1.1.0" / "lm1b-test.tfrecord-00000-of-00001").unlink()
    done = data(f"--data_dir={tmp_path}", "--workload=lm1b_transformer")
    assert done.returncode == 3
    assert "lm1b-test.tfrecord-00000-of-00001 is missing" in done.stdout


def test_it_prepares_from_a_local_file(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "pg2600.txt").write_text(BOOK, newline="")
    arguments = (f"--data_dir={tmp_path / 'data'}", "--workload=war_and_peace_lstm", "--prepare")
    done = data(*arguments, f"--manual_dir={tmp_path / 'book'}")
    assert done.returncode == 0, done.stderr
    assert "another edition than that of DeepOBS" in done.stderr
    assert "is in " in done.stdout
    assert data(*arguments).returncode == 0  # it is there: nothing to do


def test_bad_input_gets_one_clear_message(tmp_path):
    cases = {
        ("--workload=mnist",): "--workload must be one of ['fashion_mnist_simple_cnn'",
        ("--prepare",): "--prepare needs --workload",
        ("--manual_dir=x",): "--manual_dir has an effect only with --prepare",
        (
            "--workload=cifar10_vgg16",
            "--prepare",
            "--manual_dir=nowhere",
        ): "--manual_dir must be a directory; got 'nowhere'",
    }
    for arguments, message in cases.items():
        done = data(*arguments)
        assert done.returncode == 2, done.stderr
        assert message in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
