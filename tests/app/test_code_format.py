"""Codes in addresses: what is packed comes back, and nothing else is taken for a code."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.state.code_format import pack, round_code, unpack

VECTORS = json.loads((Path(__file__).parents[1] / "js" / "codes.json").read_text())["codes"]


@given(some.lists(some.floats(-40, 40, width=32), min_size=1, max_size=20))
def test_a_settled_code_comes_back_exactly(values: list[float]) -> None:
    code = round_code(np.array(values))
    found = unpack(pack(code), len(code))
    assert found is not None
    np.testing.assert_array_equal(found, code)


def test_it_is_compact() -> None:
    assert len(pack(np.random.default_rng(0).standard_normal(12))) == 33
    assert pack(np.zeros(3)) == "~AAAAAAAA"


@pytest.mark.parametrize("given", VECTORS, ids=lambda given: given["text"])
def test_codes_stand_in_addresses_as_the_browser_writes_them(given: dict[str, Any]) -> None:
    code = np.array(given["code"])
    assert pack(code) == given["text"]
    found = unpack(given["text"], len(code))
    assert found is not None
    np.testing.assert_array_equal(found, round_code(code))


def test_halves_go_up_as_in_the_browser() -> None:
    np.testing.assert_array_equal(
        round_code(np.array([0.0005, -0.0005, 1.2345])), np.float32([0.001, 0.0, 1.235])
    )


@pytest.mark.parametrize(
    "text", ["", "~", "~AAA", "~AAAA", "~é", "1,2", "1,2,x", "inf,0,0", "1e9,0,0", "~AAAAAAAA~"]
)
def test_what_is_no_code_is_none(text: str) -> None:
    assert unpack(text, 3) is None
