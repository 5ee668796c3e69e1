"""The cache of results: made once, the one used longest ago goes first, what fails is not kept."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.services.cache import LruCache


def test_results_are_made_once_and_the_one_used_longest_ago_goes() -> None:
    cache: LruCache[int] = LruCache(2)
    calls: list[int] = []

    def make(value: int) -> int:
        calls.append(value)
        return value

    for value in (1, 2, 1, 3, 1, 2):
        assert cache.get_or_make(value, lambda value=value: make(value)) == value  # type: ignore[misc]
    assert calls == [1, 2, 3, 2]
    assert cache.made == 4
    assert len(cache) == 2
    assert cache.put(2, 9) == 2, "what is there stays"
    assert cache.get(1) == 1
    cache.put(4, 4)
    assert (cache.get(1), cache.get(2)) == (1, None), "looking at a value is using it"
    cache.discard(1)
    cache.discard("never there")
    assert cache.get(1) is None
    assert len(cache) == 1


def test_sizes_are_added_up_and_the_newest_stays_whatever_its_size() -> None:
    cache: LruCache[bytes] = LruCache(10, size=len)
    cache.put("a", b"1234")
    cache.put("b", b"1234")
    assert cache.get("a") is not None
    cache.put("c", b"1234")
    assert [cache.get(key) is None for key in "abc"] == [False, True, False]
    cache.put("d", b"1" * 100)
    assert [cache.get(key) is None for key in "abcd"] == [True, True, True, False]
    cache.discard("d")
    cache.put("e", b"1234567890")
    assert cache.get("e") is not None, "what was discarded counts no more"


def test_two_who_ask_at_once_have_it_made_once_and_others_go_on() -> None:
    cache: LruCache[int] = LruCache(4)
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        assert go_on.wait(60)
        return 1

    with ThreadPoolExecutor(2) as askers:
        first = askers.submit(cache.get_or_make, "slow", slow)
        try:
            assert begun.wait(60)
            second = askers.submit(cache.get_or_make, "slow", lambda: 2)
            assert cache.get_or_make("other", lambda: 3) == 3
            assert not second.done()
        finally:
            go_on.set()
        assert (first.result(60), second.result(60)) == (1, 1)
    assert cache.made == 2


def test_what_cannot_be_made_is_tried_again() -> None:
    cache: LruCache[int] = LruCache(4)
    with pytest.raises(ZeroDivisionError):
        cache.get_or_make("a", lambda: 1 // 0)
    assert cache.get_or_make("a", lambda: 5) == 5


def test_nothing_may_be_a_result_too() -> None:
    cache: LruCache[None] = LruCache(4)
    for _ in range(2):
        assert cache.get_or_make("a", lambda: None) is None
    assert cache.made == 1
