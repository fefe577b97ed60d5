"""Selection on the test metric is found."""

from tests.analysis.audit.made import clean_table, found, of_rule, planted
from tfoptcmp.analysis.audit import audit


def test_selection_on_the_test_metric():
    table = clean_table()
    without = planted(table.drop(columns="validation"))
    assert found(without)["selected on the test metric"] == "error"
    same = planted(table.assign(validation=table["test"]))
    assert found(same)["selected on the test metric"] == "error"


def test_a_reported_trial_that_was_selected_by_its_test_metric():
    table = clean_table().assign(selected=False)
    adam = table[of_rule(table, "adam")]
    table.loc[adam["validation"].idxmin(), "selected"] = True
    assert audit([planted(table)]) == []
    table["selected"] = False
    table.loc[adam["test"].idxmin(), "selected"] = True
    assert adam["test"].idxmin() != adam["validation"].idxmin()
    (finding,) = audit([planted(table)])
    assert finding.title == "selected on the test metric"
