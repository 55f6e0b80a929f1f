"""The table of the page's figures."""

import pytest

from tests.benchmarks.page.figure import HEAD, Figure, growth, line


def test_a_figure_within_its_aim_is_met() -> None:
    assert Figure("first row", 0.5, 0.5, " s", 2, "slowest 0.70 s").row() == (
        "first row",
        "≤ 0.50 s",
        "0.50 s",
        "met; slowest 0.70 s",
    )


def test_a_miss_says_by_how_much() -> None:
    assert Figure("heap", 15, 18, " MB").row()[-1] == "MISSED by 20%"


def test_each_figure_is_a_line_under_the_head() -> None:
    lines = [line(*HEAD), *(line(*figure.row()) for figure in (Figure("tabs", 1, 1), Figure("elements", 2500, 1900)))]
    assert [each.split()[0] for each in lines] == ["figure", "tabs", "elements"]
    assert {each.index("found") if "found" in each else each.rindex("met") for each in lines[1:]} == {71}


def test_what_is_flat_does_not_grow() -> None:
    assert growth([9.0, 9.5, 9.0, 9.5, 9.0, 9.5]) == 0
    assert growth([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == 4


def test_growth_needs_three_samples() -> None:
    with pytest.raises(ValueError, match="2 samples are too few"):
        growth([1.0, 2.0])
