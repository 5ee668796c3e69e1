"""Tables of text, as spreadsheets read and write them. pandas does the parsing and the quoting."""

from __future__ import annotations

import codecs
import io
import re
from typing import TYPE_CHECKING, Any

from vae_core.errors import BadTable

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 50_000_000
SEPARATORS = (",", ";", "\t")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet runs what begins like this (OWASP, CSV injection)


def read_csv(raw: bytes) -> pd.DataFrame:
    """The rows of a CSV by the names of its header, every cell as text and "" where it is empty.

    The encoding is UTF-8, UTF-16 with a byte order mark, or else Latin-1 as Windows writes it; the separator is a comma,
    semicolon or tab, whichever the header holds most of. Blank lines are left out. Raises BadTable.
    """
    import pandas as pd  # not at the top: half a second that most commands do without

    if len(raw) > MOST_BYTES:
        raise BadTable(f"the CSV is larger than {MOST_BYTES // 1_000_000} MB; leave columns out")
    text = _decoded(raw)
    if "\0" in text:
        raise BadTable("this is no CSV: it holds bytes that are no text")
    header = re.sub(r'"[^"]*"', "", next((line for line in text.splitlines() if line.strip()), ""))
    try:
        frame: pd.DataFrame = pd.read_csv(
            io.StringIO(text), sep=max(SEPARATORS, key=header.count), dtype=str, keep_default_na=False
        )
    except (pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise BadTable(_in_words(str(error))) from None
    if not len(frame):
        raise BadTable("the CSV needs a header and at least one row")
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes a surplus of values for names of the rows
        raise BadTable(f"row 1 of the CSV has more values than the header, {len(frame.columns)}")
    if (short := frame.isna().any(axis=1)).any():
        row = int(short.to_numpy().argmax()) + 1
        raise BadTable(f"row {row} of the CSV has fewer values than the header, {len(frame.columns)}")
    frame.columns = pd.Index([str(name).strip() for name in frame.columns])
    return frame


def csv_of(columns: dict[str, Any]) -> bytes:
    """Columns of equal length by name as CSV in UTF-8; floats keep seven digits, as many as a float32 has.

    A text that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    import pandas as pd

    frame = pd.DataFrame({harmless(name): values for name, values in columns.items()})
    for name in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = [harmless(str(cell)) for cell in frame[name]]
    text: str = frame.to_csv(index=False, float_format="%.7g", lineterminator="\n")
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


def _in_words(error: str) -> str:
    """What pandas found wrong, in our words."""
    if found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", error):
        expected, line, saw = found.groups()
        return f"line {line} of the CSV has {saw} values, and those before it {expected}"
    if "No columns" in error:
        return "the CSV needs a header and at least one row"
    return f"this is no CSV: {error}"
