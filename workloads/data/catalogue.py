"""The data sets of the workloads: official sizes, and where their files come from.

Numbers of examples and bytes of downloads are those of TFDS's catalogue and of its checksum files;
prepared sizes are TFDS's. Nothing here imports TensorFlow or `tensorflow_datasets`.
"""

from collections.abc import Mapping

from tfoptcmp.workload import DataSet

FASHION_MNIST = DataSet(
    name="fashion_mnist",
    title="Fashion-MNIST",
    sizes={"train": 60_000, "test": 10_000},
    download_mb=31,
    prepared_mb=38,
    host="fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    official_files="the four official files ({train,t10k}-{images-idx3,labels-idx1}-ubyte.gz, "
    "from github.com/zalandoresearch/fashion-mnist or Debian's package dataset-fashion-mnist)",
)
CIFAR10 = DataSet(
    name="cifar10",
    title="CIFAR-10",
    sizes={"train": 50_000, "test": 10_000},
    download_mb=170,
    prepared_mb=139,
    host="www.cs.toronto.edu",
    official_files="cifar-10-binary.tar.gz (from www.cs.toronto.edu/~kriz/cifar.html)",
)
CIFAR100 = DataSet(
    name="cifar100",
    title="CIFAR-100",
    sizes={"train": 50_000, "test": 10_000},
    download_mb=169,
    prepared_mb=139,
    host="www.cs.toronto.edu",
    official_files="cifar-100-binary.tar.gz (from www.cs.toronto.edu/~kriz/cifar.html)",
)
IMAGENET = DataSet(
    name="imagenet2012",
    title="ImageNet",
    sizes={"train": 1_281_167, "validation": 50_000},
    download_mb=144_000,
    prepared_mb=167_000,
    host="",
    official_files="ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar (from image-net.org, which "
    "asks to register)",
)
IMAGENET_V2 = DataSet(
    name="imagenet_v2/matched-frequency",
    title="ImageNet-V2",
    sizes={"test": 10_000},
    download_mb=1_264,
    prepared_mb=1_250,
    host="huggingface.co",
    official_files="imagenetv2-matched-frequency.tar.gz (from "
    "huggingface.co/datasets/vaishaal/ImageNetV2)",
    optional="the test error",
)
WAR_AND_PEACE = DataSet(
    name="war_and_peace",
    title="War and Peace",
    sizes={"train": 1, "validation": 1, "test": 1},
    download_mb=3,
    prepared_mb=3,
    host="www.gutenberg.org",
    official_files="the plain text of Project Gutenberg's book 2600 as the only .txt file",
    builder="tfoptcmp.workloads.data.war_and_peace:WarAndPeace",
)
LM1B = DataSet(
    name="lm1b",
    title="LM1B",
    sizes={"train": 30_301_028, "test": 306_688},
    download_mb=1_792,
    prepared_mb=4_700,
    host="www.statmt.org",
    official_files="1-billion-word-language-modeling-benchmark-r13output.tar.gz (from "
    "www.statmt.org/lm-benchmark)",
    note="encoding it at the first load takes about 20 minutes and 2,500 MB more",
)


def partial_text(data_set: DataSet, found: Mapping[str, int]) -> str:
    """Says which splits have fewer examples than the official data set; "" if none.

    Args:
        data_set: The official data set.
        found: Split name to number of examples found, for any of its splits.
    """
    lacking = [
        f"{found[split]} of {number} {split} examples"
        for split, number in data_set.sizes.items()
        if split in found and found[split] < number
    ]
    return f"{data_set.title}: {', '.join(lacking)}" if lacking else ""
