"""The numbers behind each plotly chart, as a table."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from app.plots.codes import kl_bars, label_shares, posterior_intervals
from app.plots.study import contours
from app.plots.table import MOST, heading, table_of


def test_bars_are_rows_under_the_names_of_their_axes() -> None:
    figure = kl_bars(np.array([0.5, 2.0]))
    assert heading(figure) == "KL per dimension"
    assert table_of(figure).to_dict("records") == [
        {"across": "z1", "nats per image": 2.0}, {"across": "z0", "nats per image": 0.5},
    ]  # fmt: skip


def test_series_names_and_labels_are_as_they_were_typed() -> None:
    found = table_of(label_shares(["<b>", "two"], np.array([1, 3]), np.array([2, 2])))
    assert list(found["series"]) == ["selection"] * 2 + ["the rest"] * 2
    assert list(found["across"]) == ["<b>", "two"] * 2
    assert list(found["share of images"]) == [0.25, 0.75, 0.5, 0.5]


def test_widths_of_intervals_are_there() -> None:
    found = table_of(posterior_intervals([1], np.array([0.0, 3.0]), np.array([1.0, 0.5])))
    assert found.to_dict("records") == [{"across": "z1", "code": 3.0, "±": 0.5}]


def test_a_field_over_two_axes_is_a_row_a_cell() -> None:
    over = np.array([[1.0, 2.0, 3.0], [4.0, np.nan, 6.0]])
    figure = contours("ELBO", ("β", True, [1, 2, 3]), ("D", False, [4, 8]), over, [], low_is_better=False)
    cells = {(row["β"], row["D"]): row["value"] for row in table_of(figure).to_dict("records")}
    assert len(cells) == 6
    assert cells[3, 8] == 6.0
    assert cells[1, 4] == 1.0


def test_a_cloud_ends_somewhere() -> None:
    assert len(table_of(kl_bars(np.ones(20_000), most=20_000))) == MOST


def test_every_chart_of_a_page_goes_by_the_helper() -> None:
    app = Path(__file__).parents[2] / "app"
    bare = [path.name for path in app.rglob("*.py") if re.search(r"\.plotly_chart\(", path.read_text())]
    assert bare == ["layout.py"]


def test_a_page_with_charts_offers_them_and_one_without_does_not(open_page: Callable[..., AppTest]) -> None:
    def offered(at: AppTest) -> bool:
        assert not at.exception
        return "Tables" in [block.proto.popover.label for block in at.get("popover")]

    assert offered(open_page("uses", run="mnist", use="Compress"))
    assert not offered(open_page("home", run="faces"))
