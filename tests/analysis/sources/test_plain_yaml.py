"""The YAML that hydra writes, as PyYAML reads it where that is installed."""

import math

import pytest

from tfoptcmp.analysis.sources.plain_yaml import parse

_DOCUMENT = """\
optimizer:
  _target_: torch.optim.Adam
  lr: 1.0e-05
  betas:
  - 0.9
  - 0.999
  amsgrad: false
  'quoted: key': 'it''s'
callbacks:
- name: a  # of two keys
  every: 3
-
  name: b
empty: {}
none: null
nothing:
url: http://example.org:80/a
time: ${now:%H-%M-%S}
template: 'first

  second'
block: |
  text: not a key
negative: -3
infinite: .inf
last: -.inf
"""


def test_what_hydra_writes():
    found = parse(_DOCUMENT)
    assert found["optimizer"]["lr"] == 1e-5 and found["optimizer"]["amsgrad"] is False
    assert found["callbacks"] == [{"name": "a", "every": 3}, {"name": "b"}]
    assert found["infinite"] == math.inf and found["negative"] == -3
    assert parse("") is None and parse("- a\n- 1\n") == ["a", 1]


def test_as_pyyaml_reads_it():
    yaml = pytest.importorskip("yaml", reason="PyYAML comes with the dev extra")
    found, expected = parse(_DOCUMENT), yaml.safe_load(_DOCUMENT)
    for text in ("template", "block"):  # nothing is made of texts of several lines
        assert isinstance(found.pop(text), str) and expected.pop(text)
    assert found == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: *x\n", 2),
        ("a: {b: 1}\n", 1),
        ("a\n", 1),
        ("a: 1\n  - b\n c: 2", 2),
        ("a:\n  b: 1\n c: 2", 3),
        ("a: 'b", 1),
    ],
)
def test_what_is_refused(text, line):
    with pytest.raises(ValueError, match=f"line {line}: "):
        parse(text)
