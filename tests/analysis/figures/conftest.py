"""What figures say, as text."""

import pytest


@pytest.fixture
def face():
    """Returns what is written above axes, as one text."""
    return lambda axes: " ".join(text.get_text() for text in reversed(axes.texts))


@pytest.fixture
def written():
    """Returns everything that a figure says, as one text."""

    def everything(figure):
        texts = [text.get_text() for text in figure.texts]
        for axes in figure.axes:
            texts += [text.get_text() for text in axes.texts]
            labels = (*axes.get_xticklabels(), *axes.get_yticklabels())
            texts += [label.get_text() for label in labels]
            texts += [axes.get_title(), axes.get_xlabel(), axes.get_ylabel()]
        return " ".join(texts).replace("\n", " ")

    return everything
