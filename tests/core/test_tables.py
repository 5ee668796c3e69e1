"""Tables of text: every encoding and separator people send, and no cell that a spreadsheet would run."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from vae_core import tables
from vae_core.errors import BadTable

ROWS = 'name;größe\nä, b;1\n\n"c;""d""";\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_csv_reads_in_each_encoding_and_with_each_separator(encoding: str, separator: str) -> None:
    text = ROWS if separator == ";" else ROWS.replace('c;""', 'c\0""').replace(";", "\t").replace("\0", ";")
    frame = tables.read_csv(text.encode(encoding))
    assert list(frame.columns) == ["name", "größe"]
    assert frame.to_numpy().tolist() == [["ä, b", "1"], ['c;"d"', ""]]


def test_cells_stay_the_text_they_are() -> None:
    frame = tables.read_csv(b"id,note\r\n007,NA\r\n1e3,null\r\n")
    assert frame.to_numpy().tolist() == [["007", "NA"], ["1e3", "null"]]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "needs a header and at least one row"),
        (b"\n\n", "needs a header and at least one row"),
        (b"a,b\n", "needs a header and at least one row"),
        (b"a,b\n1,2\n1,2,3\n", "row 2 of the CSV and its header differ in length: 3 and 2 values"),
        (b"a,b\n1,2,3\n", "row 1 of the CSV and its header differ in length: 3 and 2 values"),
        (b"a,b\n1,2\n1\n", "row 2 of the CSV and its header differ in length: 1 and 2 values"),
        (b"PK\3\4\0\0", "holds bytes that are no text"),
        (b"a" * (tables.MOST_BYTES + 1), "larger than 50 MB; leave columns out"),
    ],
)
def test_what_is_no_table_is_refused_with_the_fault(raw: bytes, said: str) -> None:
    with pytest.raises(BadTable, match=said):
        tables.read_csv(raw)


def test_numbers_keep_the_digits_of_a_float32() -> None:
    z = np.array([-1.2345678, 1e-8, 3e7], np.float32)
    back = pd.read_csv(io.BytesIO(tables.csv_of({"z": z, "n": np.array([1, -2, 3])})))
    np.testing.assert_allclose(back["z"], z, rtol=1e-6)
    assert back["n"].tolist() == [1, -2, 3]


@pytest.mark.parametrize("cell", ["=1+1", "+SUM(A1)", "-cmd|' /C calc'!A0", "@x", "\t=1", "\r=1"])
def test_no_cell_and_no_name_runs_as_a_formula(cell: str) -> None:
    back = pd.read_csv(io.BytesIO(tables.csv_of({cell: [cell, "plain"]})))
    assert [str(back.columns[0]), *back.iloc[:, 0]] == [f"'{cell}", f"'{cell}", "plain"]


@pytest.mark.parametrize("cell", ["-1.5", "+3", "3-4", "a=b", "", "1e-5"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert tables.harmless(cell) == cell
