"""Work behind a page: one task for a key, progress, partial results, faults in words, cancelled, forgotten."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from helpers import until

from app.services import tasks
from app.services.tasks import CANCELLED, DONE, FAILED, RUNNING, WAITING, Lane, Task
from vae_core.errors import BadImages


@pytest.fixture
def lane() -> Iterator[Lane]:
    lane = Lane("test", remembered=3)
    yield lane
    tasks.stop_all()
    tasks._lanes.remove(lane)


class Held:
    """A job that says it began and waits until it may go on."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.ended = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, task: Task[int]) -> int:
        task.report(0.25, "a quarter")
        task.show("the first half")
        self.begun.set()
        try:
            while not self.go_on.wait(0.01):
                task.report(0.25, "a quarter")
            return 7
        finally:
            self.ended.set()


def at_once(result: int) -> Callable[[Task[int]], int]:
    return lambda task: result


def test_two_who_submit_by_the_same_key_share_one_task_and_see_its_progress(lane: Lane) -> None:
    job = Held()
    task = lane.submit(("once", 1), job, name="counting")
    assert lane.submit(("once", 1), at_once(0), name="counting") is task
    assert lane.find(("once", 1)) is task
    other = lane.submit(("once", 2), at_once(2), name="counting on")
    assert job.begun.wait(60)
    assert (task.state, task.share, task.words, task.done) == (RUNNING, 0.25, "a quarter", False)
    assert task.partial == "the first half"
    assert task.result is None
    assert (other.state, other.share, other.words, other.done) == (WAITING, 0.0, "waiting", False)
    assert not tasks.idle()
    job.go_on.set()
    assert task.wait(60)
    assert other.wait(60)
    assert (task.state, task.result, other.result) == (DONE, 7, 2)
    assert lane.submit(("once", 1), at_once(0), name="counting") is task, "it is not done again"
    assert tasks.idle()


def test_a_fault_is_told_in_words_and_ends_nothing_else(lane: Lane) -> None:
    def refused(task: Task[int]) -> int:
        raise BadImages("there are none")

    def broken(task: Task[int]) -> int:
        raise ZeroDivisionError("by zero")

    jobs: list[Callable[[Task[int]], int]] = [refused, broken, at_once(1)]
    works = [lane.submit(i, job, name="failing") for i, job in enumerate(jobs)]
    assert all(work.wait(60) for work in works)
    assert [work.error for work in works] == ["there are none", "ZeroDivisionError: by zero", ""]
    assert [work.state for work in works] == [FAILED, FAILED, DONE]
    assert isinstance(works[0].fault, BadImages)
    assert lane.submit(0, at_once(1), name="again") is works[0], "a fault is not tried again by itself"
    lane.forget(0)
    again = lane.submit(0, at_once(1), name="again")
    assert again.wait(60)
    assert again.result == 1


def test_a_cancelled_task_ends_and_may_begin_again(lane: Lane) -> None:
    job, waiting = Held(), Held()
    task = lane.submit("a", job, name="held")
    behind = lane.submit("b", waiting, name="behind it")
    assert job.begun.wait(60)
    behind.cancel()
    assert behind.state == CANCELLED, "what only waits ends at once"
    task.cancel()
    assert lane.find("a") is None
    again = lane.submit("a", at_once(5), name="again")
    assert again is not task
    assert task.wait(60)
    assert job.ended.is_set()
    assert (task.state, task.result, task.error) == (CANCELLED, None, "")
    assert again.wait(60)
    assert again.result == 5
    assert not waiting.begun.is_set()
    task.cancel()  # once more does no harm


def test_a_result_that_comes_after_the_cancel_is_not_taken(lane: Lane) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def deaf(task: Task[int]) -> int:
        begun.set()
        assert go_on.wait(60)
        return 1

    task = lane.submit("deaf", deaf, name="deaf")
    assert begun.wait(60)
    task.cancel()
    go_on.set()
    assert task.wait(60)
    assert (task.state, task.result) == (CANCELLED, None)


def test_a_job_that_waits_for_something_else_is_told_of_the_cancel(lane: Lane) -> None:
    begun, told = threading.Event(), threading.Event()

    def waits(task: Task[int]) -> int:
        task.on_cancel(told.set)
        begun.set()
        assert told.wait(60)
        task.report(0.5, "never said")
        return 1

    task = lane.submit("waits", waits, name="waits")
    assert begun.wait(60)
    task.cancel()
    assert task.wait(60)
    assert (task.state, task.words) == (CANCELLED, "waiting")
    late = threading.Event()
    task.on_cancel(late.set)
    assert late.is_set(), "it was cancelled already"


def test_a_search_that_is_cancelled_returns_its_best(lane: Lane) -> None:
    begun = threading.Event()

    def search(task: Task[int]) -> int:
        best = 0
        while not task.cancelled:
            best += 1
            task.report(0.5, f"{best}")
            begun.set()
        task.report(1.0, "the best")
        return best

    task = lane.submit("search", search, name="search", returns_best=True)
    assert begun.wait(60)
    task.cancel()
    assert task.wait(60)
    assert task.state == DONE
    assert task.cancelled
    assert task.result
    assert task.words == "the best"
    assert lane.submit("search", at_once(0), name="search", returns_best=True) is task
    assert lane.find("search") is task


def test_a_lane_runs_so_many_at_a_time_and_lanes_do_not_wait_for_each_other(lane: Lane) -> None:
    wide = Lane("wide", workers=2)
    try:
        jobs = [Held() for _ in range(3)]
        works = [wide.submit(i, job, name="held") for i, job in enumerate(jobs)]
        assert jobs[0].begun.wait(60)
        assert jobs[1].begun.wait(60)
        assert lane.submit("beside", at_once(1), name="beside").wait(60)
        assert works[2].state == WAITING
        jobs[0].go_on.set()
        assert jobs[2].begun.wait(60)
        for job in jobs:
            job.go_on.set()
        assert all(work.wait(60) for work in works)
    finally:
        tasks.stop_all()
        tasks._lanes.remove(wide)


def test_where_the_older_give_way_only_the_newest_go_on() -> None:
    lane = Lane("moving", workers=2, cancels_older=True)
    try:
        jobs = [Held() for _ in range(4)]
        works = [lane.submit(i, job, name="held") for i, job in enumerate(jobs)]
        assert jobs[2].begun.wait(60)
        assert jobs[3].begun.wait(60)
        assert works[0].wait(60)
        assert works[1].wait(60)
        assert [work.cancelled for work in works] == [True, True, False, False]
    finally:
        tasks.stop_all()
        tasks._lanes.remove(lane)


def test_the_oldest_that_have_ended_are_forgotten(lane: Lane) -> None:
    job = Held()
    going = lane.submit("going", job, name="going")
    assert job.begun.wait(60)
    waiting = [lane.submit(i, at_once(i), name="small") for i in range(5)]
    assert len(lane.tasks()) == 6, "what goes on is not forgotten"
    job.go_on.set()
    assert all(work.wait(60) for work in (going, *waiting))
    lane.submit("one more", at_once(1), name="small")
    assert [lane.find(i) is None for i in range(5)] == [True, True, True, False, False]
    assert len(lane.tasks()) == 3


def test_everything_ends_with_the_server_and_may_begin_again(lane: Lane) -> None:
    job = Held()
    work = lane.submit("endless", job, name="running")
    waiting = lane.submit("after it", at_once(1), name="never begun")
    assert job.begun.wait(60)
    tasks.stop_all()
    assert job.ended.is_set()
    assert work.done
    assert not work.error
    assert waiting.done
    assert waiting.result is None
    assert tasks.idle()
    again = lane.submit("endless", at_once(3), name="running")
    assert again is not work
    until(lambda: again.done, "the new one is done")
    assert again.result == 3
