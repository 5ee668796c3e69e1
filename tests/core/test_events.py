import json
import math

import numpy as np
import pytest
from helpers import frozen

from vae_core.errors import BadRun
from vae_core.events import (
    KINDS,
    NAMES,
    WALL_FIELDS,
    Checkpoint,
    Controlled,
    Encoded,
    EpochDone,
    Failed,
    Finished,
    Resumed,
    Snapshot,
    Started,
    StepDone,
    Terms,
    from_line,
    to_line,
)

TERMS = Terms(-12.5, 1e-12, {"distortion": -20.25, "rate": 7.75}, {"rate": 2.5}, (0.5, 7.25))
PLAIN = Terms(3.0, 3.0, {"distortion": 3.0})
EVENTS = [
    Started(0, 40, 20, 2, 1234, 900, 50, 45, 10, 20),
    StepDone(10, 1, TERMS, 1e-3, {"gamma": 0.25, "capacity": 12.5}, 1.5, 640.0),
    StepDone(10, 1, PLAIN, 1e-3),
    EpochDone(20, 1, TERMS, PLAIN, 2, True, 3.0),
    EpochDone(20, 1, TERMS, PLAIN, None, True, 3.0),
    Controlled(21, 3, "beta", 2.0),
    Controlled(22, 4, "pause"),
    Resumed(20, 60, 3),
    Finished(40, 2, "completed", 1, 9.0),
    Failed(33, 1, "the loss is not a number"),
]
IMAGES = np.zeros((2, 1, 4, 4), np.uint8)
HEAVY = [
    Encoded(20, 1, np.zeros((2, 3), np.float16), np.arange(2, dtype=np.int32)),
    Snapshot(20, 1, IMAGES, IMAGES, IMAGES, IMAGES[None], (1, 0)),
    Checkpoint(20, 1, {"w": IMAGES}, {}, {"adam": IMAGES}, best_epoch=1),
]


def test_every_kind_of_event_has_a_name_and_an_example_here():
    assert {type(event) for event in [*EVENTS, *HEAVY]} == set(KINDS.values())
    assert {name: cls for cls, name in NAMES.items()} == KINDS


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
def test_an_event_survives_its_line(event):
    assert from_line(json.loads(json.dumps(to_line(event), allow_nan=False))) == event


@pytest.mark.parametrize("event", HEAVY, ids=lambda e: type(e).__name__)
def test_arrays_are_replaced_by_the_names_of_their_files(event):
    arrays = [k for k, v in vars(event).items() if isinstance(v, (np.ndarray, dict))]
    line = json.loads(json.dumps(to_line(event, **{name: f"{name}.bin" for name in arrays})))
    back = from_line(line)
    for name, value in vars(event).items():
        assert getattr(back, name) == (f"{name}.bin" if name in arrays else value)
    with pytest.raises(TypeError):
        json.dumps(to_line(event))


def test_float32_numbers_are_kept_apart_and_numpy_scalars_are_written():
    value = np.float32(0.1)
    after = np.nextafter(value, np.float32(1))
    terms = Terms(value, 0.0, {"distortion": after, "rate": np.float64(1 / 3)}, {}, (value, after))  # type: ignore[arg-type,dict-item]
    back = from_line(json.loads(json.dumps(to_line(StepDone(np.int64(3), 1, terms, 1.0)))))  # type: ignore[arg-type]
    assert np.float32(back.terms.loss) == value  # type: ignore[union-attr]
    assert np.float32(back.terms.distortion) == after  # type: ignore[union-attr]
    assert back.terms.kl_per_dim[0] != back.terms.kl_per_dim[1]  # type: ignore[union-attr]
    assert back.step == 3


def test_numbers_that_are_none_go_through_as_null_and_come_back_as_nan():
    nan = math.nan
    line = to_line(
        StepDone(1, 1, Terms(nan, nan, {"distortion": math.inf, "rate": nan}, {}, (nan, 1.0)), 1.0)
    )
    text = json.dumps(line, allow_nan=False)
    assert json.loads(text)["terms"] == {
        "loss": None, "objective": None, "values": {"distortion": None, "rate": None}, "parts": {}, "kl_per_dim": [None, 1.0],
    }  # fmt: skip
    terms = from_line(json.loads(text)).terms  # type: ignore[union-attr]
    assert np.isnan([terms.loss, terms.distortion, terms.rate, terms.objective, terms.kl_per_dim[0]]).all()
    assert terms.kl_per_dim[1] == 1.0


def test_the_elbo_is_at_beta_one_whatever_was_minimised():
    assert Terms(99.0, 99.0, {"distortion": 10.0, "rate": 3.0}).elbo == -13.0
    assert PLAIN.elbo is None


def test_lines_of_earlier_runs_are_read_with_their_one_weight_and_two_terms():
    head = {"event": "step", "step": 10, "epoch": 1, "learning_rate": 1e-3}
    terms = {"loss": 12.0, "distortion": 10.0, "rate": 2.0, "objective": 14.0, "kl_per_dim": [0.5, 1.5]}
    was = head | {"terms": terms, "beta": 0.5, "capacity": None, "seconds": 1.0, "images_per_second": 2.0}
    now = Terms(12.0, 14.0, {"distortion": 10.0, "rate": 2.0}, {}, (0.5, 1.5))
    assert from_line(was) == StepDone(10, 1, now, 1e-3, {"beta": 0.5}, 1.0, 2.0)
    with_capacity = from_line(was | {"beta": 30.0, "capacity": 5.0})
    assert with_capacity.coefficients == {"gamma": 30.0, "capacity": 5.0}  # type: ignore[union-attr]
    plain = from_line(was | {"terms": terms | {"rate": None, "kl_per_dim": []}, "beta": 0.0})
    assert (plain.terms.rate, plain.terms.elbo, plain.terms.distortion) == (None, None, 10.0)  # type: ignore[union-attr]


def test_fields_of_a_newer_version_are_left_out():
    line = to_line(EVENTS[1]) | {"colour": "red"}
    line["terms"] = line["terms"] | {"entropy": 3.0}
    assert from_line(line) == EVENTS[1]


@pytest.mark.parametrize(
    "line",
    [{}, {"event": "sneezed"}, {"event": ["step"]}, {"event": "step", "step": 3}, {"event": None}],
    ids=str,
)
def test_a_line_that_is_no_event_is_refused(line):
    with pytest.raises(BadRun):
        from_line(line)


def test_wall_time_is_named_and_left_out_of_comparisons():
    assert sorted(WALL_FIELDS) == ["images_per_second", "seconds"]
    one = StepDone(1, 1, TERMS, 1.0, seconds=1.0, images_per_second=2.0)
    two = StepDone(1, 1, TERMS, 1.0, seconds=9.0, images_per_second=9.0)
    assert one != two
    assert frozen(one) == frozen(two)
