"""Tables on standard output."""

from __future__ import annotations

from typing import Any


def print_table(columns: list[str], rows: list[dict[str, Any]]) -> None:
    """Print rows under their column names; a column that a row lacks stays empty."""
    cells = [columns, *([str(row.get(c, "")) for c in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def two_decimals(value: float | None) -> str:
    """`value` with two decimals, or nothing for None."""
    return "" if value is None else f"{value:.2f}"
