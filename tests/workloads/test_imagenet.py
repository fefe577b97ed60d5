"""ImageNet from prepared files: any record by its number, crops, missing and torn files."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tfoptcmp.workloads.data.jpeg import centre_crop, random_crop

from tests.workloads.prepared import write_data_set
from tfoptcmp import workloads
from tfoptcmp.workload import MissingData

WORKLOAD = workloads.get("imagenet_resnet50")
BUDGET = WORKLOAD.budget("smoke", batch_size=4)


def jpeg(label: int) -> bytes:
    """An image whose colour tells its label."""
    image = np.full((40, 48, 3), 10 * label, np.uint8)
    return tf.io.encode_jpeg(image, quality=100).numpy()


def examples(labels: list[int]) -> list[dict[str, bytes | int]]:
    return [{"image": jpeg(label), "label": label, "file_name": b"x"} for label in labels]


@pytest.fixture
def data_dir(tmp_path):
    write_data_set(
        tmp_path,
        "imagenet2012",
        "5.1.0",
        {
            "train": [examples([0, 1, 2]), examples([3, 4, 5, 6, 7])],
            "validation": [examples([8, 9, 10])],
        },
    )
    return tmp_path


def batches(splits, augmentation_seed=0, start=0, stop=6):
    dataset = splits.train.batches(
        seed=1, augmentation_seed=augmentation_seed, start=start, stop=stop
    )
    return list(dataset.as_numpy_iterator())


def test_labels_go_with_their_images(data_dir):
    splits = WORKLOAD.load(BUDGET, str(data_dir))
    ((x, y),) = splits.evaluation["validation"]
    assert y.numpy().tolist() == [8, 9, 10]
    # By hand: the mean of the training images' colours 0, 10, ..., 70 is subtracted.
    expected = (np.array([80, 90, 100]) - 35) / 255
    np.testing.assert_allclose(x.numpy().mean(axis=(1, 2, 3)), expected, atol=2 / 255)
    assert x.shape == (3, 64, 64, 3)
    seen = np.concatenate([y for _, y in batches(splits)])
    assert [sorted(epoch) for epoch in seen.reshape(3, 8)] == [list(range(8))] * 3


def test_batches_are_a_function_of_seeds_and_step(data_dir):
    splits = WORKLOAD.load(BUDGET, str(data_dir))
    first, late, other = batches(splits), batches(splits, start=4), batches(splits, 1)
    for (x, y), (x_late, y_late) in zip(first[4:], late, strict=True):
        np.testing.assert_array_equal(x, x_late)
        np.testing.assert_array_equal(y, y_late)
    for (x, y), (x_other, y_other) in zip(first, other, strict=True):
        np.testing.assert_array_equal(y, y_other)
        assert not np.array_equal(x, x_other)


def test_few_images_are_partial_and_without_imagenet_v2_there_is_no_test(data_dir):
    splits = WORKLOAD.load(BUDGET, str(data_dir))
    assert set(splits.evaluation) == {"train", "validation"}
    assert splits.num_examples == {"train": 8, "validation": 3}
    assert splits.partial == (
        "ImageNet: 8 of 1281167 train examples, 3 of 50000 validation examples"
    )
    assert splits.num_classes == 1_000


def test_imagenet_v2_tests_where_it_is_there(data_dir):
    write_data_set(
        data_dir, "imagenet_v2/matched-frequency", "3.0.0", {"test": [examples([11, 12])]}
    )
    splits = WORKLOAD.load(BUDGET, str(data_dir))
    ((_, y),) = splits.evaluation["test"]
    assert y.numpy().tolist() == [11, 12]
    assert splits.partial.endswith("ImageNet-V2: 2 of 10000 test examples")


def test_no_more_images_are_evaluated_than_the_scale_says(data_dir):
    options = {"image_size": 32, "evaluated_examples": 2}
    budget = WORKLOAD.budget("smoke", batch_size=4)
    splits = WORKLOAD.load(type(budget)(**{**vars(budget), "options": options}), str(data_dir))
    assert splits.num_examples == {"train": 8, "validation": 2}
    assert sum(len(y) for _, y in splits.evaluation["train"]) == 2


def test_a_batch_divides_into_ghost_batches(data_dir):
    with pytest.raises(ValueError, match=r"batch_size must be a multiple of 32.*got 48"):
        WORKLOAD.load(WORKLOAD.budget("smoke", batch_size=48), str(data_dir))
    splits = WORKLOAD.load(BUDGET, str(data_dir))
    layers = WORKLOAD.build(BUDGET, splits).layers
    ghosts = {layer.ghost_batch_size for layer in layers if hasattr(layer, "ghost_batch_size")}
    assert ghosts == {4}  # the whole batch, which is smaller than a ghost batch


def test_missing_imagenet_is_said(tmp_path):
    with pytest.raises(MissingData, match=r"ILSVRC2012_img_train\.tar") as error:
        WORKLOAD.load(BUDGET, str(tmp_path))
    assert "with a network" not in str(error.value)  # it cannot be downloaded
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("harm", ["torn", "absent", "one record less"])
def test_harmed_files_are_said(data_dir, harm):
    path = data_dir / "imagenet2012" / "5.1.0" / "imagenet2012-train.tfrecord-00001-of-00002"
    if harm == "torn":
        path.write_bytes(path.read_bytes()[:-10])
        message = "ends in the middle of a record"
    elif harm == "absent":
        path.unlink()
        message = "'train' of data set 'imagenet2012'.*not readable"
    else:
        shutil.copy(path.with_name("imagenet2012-train.tfrecord-00000-of-00002"), path)
        message = "6 records instead of 8"
    with pytest.raises(MissingData, match=message):
        WORKLOAD.load(BUDGET, str(data_dir))


def photograph() -> tf.Tensor:
    """A JPEG of 60x90 pixels with a gradient from left to right."""
    ramp = np.tile(np.linspace(0, 255, 90).astype(np.uint8)[None, :, None], (60, 1, 3))
    return tf.io.encode_jpeg(ramp, quality=100)


def test_the_centre_is_cut_out():
    image = centre_crop(photograph(), size=24).numpy()
    assert image.shape == (24, 24, 3)
    # By hand: 7/8 of 60 pixels are 52 (rounded to even), of the columns 19, ..., 70.
    columns = image.mean(axis=(0, 2)) * 89
    assert columns[0] == pytest.approx(19.6, abs=1)
    assert columns[-1] == pytest.approx(70 - 0.6, abs=1)


def test_random_crops_vary_and_stay_in_range():
    images = [random_crop(photograph(), tf.constant([0, i]), size=24).numpy() for i in range(20)]
    again = random_crop(photograph(), tf.constant([0, 3]), size=24).numpy()
    np.testing.assert_array_equal(images[3], again)
    assert len({image.tobytes() for image in images}) == 20
    assert min(image.min() for image in images) >= 0
    assert max(image.max() for image in images) <= 1
    slopes = [np.sign(image.mean(axis=(0, 2))[-1] - image.mean(axis=(0, 2))[0]) for image in images]
    assert set(slopes) == {-1.0, 1.0}  # mirrored, and not


def test_the_real_sample():
    data_dir = Path(os.environ.get("TFOPTCMP_DATA_DIR", "nowhere"))
    if not (data_dir / "imagenet2012").exists():
        pytest.skip("TFOPTCMP_DATA_DIR does not name a directory with prepared imagenet2012")
    splits = WORKLOAD.load(BUDGET, str(data_dir))
    assert splits.partial
    x, y = batches(splits, stop=1)[0]
    assert x.shape == (4, 64, 64, 3)
    assert ((y >= 0) & (y < 1_000)).all()
    seen = np.concatenate([x.numpy() for x, _ in splits.evaluation["train"]])
    assert np.abs(seen.mean(axis=(0, 1, 2))).max() < 0.05
