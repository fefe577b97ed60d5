"""The documentation that comes with CPython, the topics of its `help()`, by characters.

Train is the first 80 % of the text, of which the last tenth validates, and test is the rest.
"""

from pydoc_data.topics import topics

from tfoptcmp.workloads.data.text import encode, splits_of_text

from tfoptcmp.workload import Budget, Splits


def load(budget: Budget, data_dir: str | None) -> Splits:
    """Reads the text; `data_dir` is not needed. See `Workload.load`."""
    text = "".join(topics[name] for name in sorted(topics))
    vocabulary = "".join(sorted(set(text)))
    codes = encode(text, vocabulary)
    num_train = len(codes) * 8 // 10
    num_fitted = num_train * 9 // 10
    return splits_of_text(
        {
            "train": codes[:num_fitted],
            "validation": codes[num_fitted:num_train],
            "test": codes[num_train:],
        },
        vocabulary_size=len(vocabulary),
        batch_size=budget.batch_size,
        sequence_length=int(budget.options["sequence_length"]),
    )
