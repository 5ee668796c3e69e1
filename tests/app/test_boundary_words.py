"""A fault's words on a page: shown as they were typed, and such that what stands in them can be copied."""

import pytest

from app.boundary import WORD_JOINER, copyable, plain, sentence


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("choose another (--home), and go on", "choose another (`--home`), and go on"),
        ("ask a@b.org.", "ask `a@b.org`."),
        ("see https://x.org/a_b for it", "see `https://x.org/a_b` for it"),
        ("the file :smile: is odd", "the file `:smile:` is odd"),
        ("it is :material/home:", "it is `:material/home:`"),
        ("convert by `python -c", "convert by \\`python -c"),
        ("- 3 of *x*", "\\- 3 of \\*x\\*"),
        ("/tmp/pytest-of-root/a is read-only", "/tmp/pytest-of-root/a is read-only"),
        ("a\nb", "a b"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_is_copied_is_what_was_typed(typed: str, shown: str) -> None:
    assert copyable(typed) == shown
    assert WORD_JOINER not in copyable(typed)


def test_a_switch_with_a_backtick_is_no_open_code() -> None:
    assert copyable("`--home").startswith("\\`")


def test_a_sentence_begins_with_a_capital() -> None:
    assert sentence("the folder (--home) is full") == "The folder (`--home`) is full"


def test_a_name_is_parted_where_no_code_is_wanted() -> None:
    assert WORD_JOINER in plain("a@b.org")
