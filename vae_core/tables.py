"""Tables of text, as spreadsheets read and write them: Arrow parses, pandas quotes."""

from __future__ import annotations

import codecs
import io
import json
import re
from typing import TYPE_CHECKING, Any

from vae_core.errors import BadTable

if TYPE_CHECKING:
    import pandas as pd

NO_ROWS = "the CSV needs a header and at least one row"
MOST_BYTES = 50_000_000
SEPARATORS = (",", ";", "\t")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet runs what begins like this (OWASP, CSV injection)


def read_csv(raw: bytes) -> pd.DataFrame:
    """The rows of a CSV by the names of its header, every cell as text and "" where it is empty.

    The encoding is UTF-8, UTF-16 with a byte order mark, or else Latin-1 as Windows writes it; the separator is a comma,
    semicolon or tab, whichever the header holds most of. Blank lines are left out. Raises BadTable.
    """
    import pyarrow as pa  # not at the top: a quarter of a second that most commands do without
    from pyarrow import csv

    if len(raw) > MOST_BYTES:
        raise BadTable(f"the CSV is larger than {MOST_BYTES // 1_000_000} MB; leave columns out")
    text = _decoded(raw)
    if "\0" in text:
        raise BadTable("this is no CSV: it holds bytes that are no text")
    header = re.sub(r'"[^"]*"', "", next((line for line in text.splitlines() if line.strip()), ""))
    separator = max(SEPARATORS, key=header.count)
    wrong: list[csv.InvalidRow] = []

    def refuse(row: csv.InvalidRow) -> str:
        wrong.append(row)
        return "error"

    try:
        table = csv.read_csv(
            io.BytesIO(text.encode()),
            # the header is read as a row, so that no cell is taken for a number
            csv.ReadOptions(autogenerate_column_names=True, use_threads=False),
            csv.ParseOptions(delimiter=separator, newlines_in_values=True, invalid_row_handler=refuse),
            csv.ConvertOptions(
                column_types={f"f{i}": pa.string() for i in range(header.count(separator) + 1)}
            ),
        )
    except pa.ArrowInvalid as error:
        if wrong:
            row = wrong[0]
            raise BadTable(
                f"row {row.number - 1} of the CSV and its header differ in length: {row.actual_columns} and {row.expected_columns} values"
            ) from None
        if not header:
            raise BadTable(NO_ROWS) from None
        raise BadTable(f"this is no CSV: {str(error).splitlines()[0]}") from None
    if table.num_rows < 2:
        raise BadTable(NO_ROWS)
    frame: pd.DataFrame = table.to_pandas()
    frame.columns = frame.iloc[0].str.strip()
    # of two columns with one name the first is taken
    return frame.iloc[1:, ~frame.columns.duplicated()].reset_index(drop=True).rename_axis(columns=None)


def read_table(raw: bytes, name: str = "") -> pd.DataFrame:
    """A table of any of the kinds people keep beside images, every cell as text: CSV, JSON lines, or CelebA's lists.

    JSON lines are told by the ending of `name` or by their first letter; CelebA's begin with the number of their rows, and
    spaces part the cells. Raises BadTable.
    """
    text = _decoded(raw[:1_000_000])
    first, _, rest = text.lstrip("\ufeff\r\n ").partition("\n")
    if name.lower().endswith((".jsonl", ".ndjson")) or first.startswith("{"):
        return _read_json_lines(raw)
    second = rest.partition("\n")[0]
    if first.strip().isdecimal() and second.strip():  # N, then the header without a name for the first column
        return _read_spaced(raw, header=1)
    if (
        name.lower().endswith(".txt")
        and not any(separator in first for separator in SEPARATORS)
        and " " in first.strip()
    ):
        return _read_spaced(raw, header=0)
    return read_csv(raw)


def _read_json_lines(raw: bytes) -> pd.DataFrame:
    import pandas as pd

    _check_size(raw)
    rows = []
    for number, line in enumerate(_decoded(raw).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise BadTable(f"line {number} is no JSON object; JSON lines hold one a line")
        rows.append({str(k): v if isinstance(v, str) else json.dumps(v) for k, v in row.items()})
    if not rows:
        raise BadTable("there are no rows in it")
    return pd.DataFrame(rows, dtype=object).fillna("")


def _read_spaced(raw: bytes, header: int) -> pd.DataFrame:
    """Cells parted by spaces; where the header names one column fewer, the first is file_name."""
    import pandas as pd

    _check_size(raw)
    same: dict[str, str] = {}  # each text is held once
    lines = [
        [same.setdefault(c, c) for c in line.split()] for line in _decoded(raw).splitlines() if line.strip()
    ]
    names, rows = lines[header], lines[header + 1 :]
    if rows and len(rows[0]) == len(names) + 1:
        names = ["file_name", *names]
    elif rows and (
        len(rows[0]) != len(names) or header == 0
    ):  # CelebA's identity and partition lists have no header
        names, rows = ["file_name", *(f"column {k}" for k in range(1, len(lines[header])))], lines[header:]
    wrong = next((i for i, row in enumerate(rows) if len(row) != len(names)), None)
    if not rows or wrong is not None:
        where = "it has no rows" if wrong is None else f"row {wrong + 1} has {len(rows[wrong])} values"
        raise BadTable(f"this is no table: {where}, its header {len(names)}")
    return pd.DataFrame(rows, columns=names, dtype=object)


def _check_size(raw: bytes) -> None:
    if len(raw) > MOST_BYTES:
        raise BadTable(f"the table is larger than {MOST_BYTES // 1_000_000} MB; leave columns out")


def csv_of(columns: dict[str, Any]) -> bytes:
    """Columns of equal length by name as CSV in UTF-8; floats keep seven digits, as many as a float32 has.

    A text that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    import pandas as pd

    frame = pd.DataFrame({harmless(name): values for name, values in columns.items()})
    for name in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = [harmless(str(cell)) for cell in frame[name]]
    text: str = frame.to_csv(index=False, float_format="%.7g", lineterminator="\r\n")
    return text.encode()


def harmless(cell: str) -> str:
    """A cell's text, with an apostrophe before what a spreadsheet would run; numbers such as -1.5 stay as they are."""
    return f"'{cell}" if cell.startswith(_FORMULA) and not _is_number(cell) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "\t" not in text and "\r" not in text


def _decoded(raw: bytes) -> str:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")
