"""Work behind the pages: once for a key, one after the other, its faults told, given up when the server ends."""

from __future__ import annotations

import threading

from helpers import until

from app import behind
from vae_core.errors import BadImages


def test_work_is_done_once_and_its_progress_seen() -> None:
    going, met, done = threading.Event(), threading.Event(), []

    def job(progress) -> None:
        progress(0.25, "a quarter")
        met.set()
        going.wait(60)
        done.append(1)

    work = behind.begin(("once", 1), "counting", job)
    assert behind.begin(("once", 1), "counting", job) is work
    other = behind.begin(("once", 2), "counting on", lambda progress: done.append(2))
    assert met.wait(60)
    assert (work.share, work.what, work.done) == (0.25, "a quarter", False)
    assert (other.share, other.what, other.done) == (0.0, "waiting", False), "one after the other"
    going.set()
    until(lambda: other.done, "both are done")
    assert done == [1, 2]
    assert behind.begin(("once", 1), "counting", job) is work
    assert work.done
    assert done == [1, 2]


def test_a_fault_is_told_in_words_and_ends_nothing_else() -> None:
    def refused(progress) -> None:
        raise BadImages("there are none")

    def broken(progress) -> None:
        raise ZeroDivisionError("by zero")

    works = [
        behind.begin(("fault", i), "failing", job) for i, job in enumerate((refused, broken, lambda p: None))
    ]
    until(lambda: all(work.done for work in works), "all are done")
    assert [work.error for work in works] == ["there are none", "ZeroDivisionError: by zero", ""]


def test_what_is_given_up_ends_and_may_begin_again() -> None:
    met, ended = threading.Event(), threading.Event()

    def endless(progress) -> None:
        try:
            while True:
                met.set()
                progress(0.5, "on and on")
        finally:
            ended.set()

    work = behind.begin("endless", "running", endless)
    waiting = behind.begin("after it", "never begun", lambda progress: progress(1.0, "begun"))
    assert met.wait(60)
    behind.give_up()
    assert ended.is_set()
    assert work.done
    assert not work.error
    assert waiting.done
    assert waiting.share == 0.0
    again = behind.begin("endless", "running", lambda progress: progress(1.0, "at once"))
    assert again is not work
    until(lambda: again.done, "the new one is done")
    assert again.share == 1.0
