"""The page of the records: tables that can be read, and where every figure comes from."""

import re

import pytest

from book import records, repository


@pytest.fixture(scope="module")
def page():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repository, "repository", lambda: None)
        return records.page()


def lines_of(page, heading):
    return page.split(f"\n### {heading}\n")[1].split("\n#")[0].strip().splitlines()


def test_every_record_has_its_date_and_its_threads(page):
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) > 150
    for row in rows:
        assert re.search(r"\| \d{4}-\d\d-\d\d \|", row), row
    (row,) = [row for row in rows if "`two_digits-digits-fcn`" in row]
    assert "| 0 to 2 |" in row and row.endswith("| 2026-11-23 | 1 |")


def test_the_machines_are_named_with_their_versions(page):
    assert re.search(r"\n- \d+ on cpu \(x86_64\), python 3\.\d+\.\d+, torch 2\.", page)


def test_the_records_of_an_experiment_stand_in_one_table(page):
    head, _, *rows = lines_of(page, "The contest at equal time")
    assert "test accuracy" in head and len(rows) > 20
    assert all("contest-" in row and "-pace" not in row for row in rows)


def test_a_mean_is_taken_over_seeds_and_not_over_contenders(page):
    assert "accuracy" not in lines_of(page, "Speed")[0]
    assert "accuracy" not in lines_of(page, "Training for the assignment")[0]


def test_a_printed_table_keeps_its_empty_cells_and_its_notes(page):
    assert "| best st_fcn |  | 29.28 [18.5] |" in page
    assert "\n- 0 of 8 runs collapsed; seeds in a cell: 1\n" in page


def test_a_record_leads_to_its_file_where_the_repository_is_known(monkeypatch):
    monkeypatch.setattr(repository, "repository", lambda: "owner/name")
    link = "(https://github.com/owner/name/blob/HEAD/data/results/solids-digits-flat_cnn.json)"
    assert link in records._link("solids-digits-flat_cnn")
