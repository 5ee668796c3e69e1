"""A dial read at nine βs says what an evaluation at each of them says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from helpers import blob_set, config_of

from vae_core.config import ObjectiveConfig
from vae_core.errors import BadConfig, BadImages
from vae_core.evaluation.dial_curve import STOPS, measure_dial, stored
from vae_core.evaluation.likelihood import evaluate
from vae_core.inference import load_run
from vae_core.objectives.losses import MultiRateParams
from vae_core.options import Choice
from vae_core.places import Places
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run

pytestmark = pytest.mark.slow


@pytest.fixture
def turned(store: Store, places: Places) -> Run:
    dial = ObjectiveConfig(Choice("multi_rate", MultiRateParams(0.2, 5.0)))
    config = config_of(latent_dim=3, epochs=12)
    run = store.create(type(config)(config.data, config.model, dial, config.training), "turned")
    assert train_run(run, places).state == FINISHED
    return run


def test_each_stop_is_the_evaluation_at_its_beta(turned: Run) -> None:
    data, told = blob_set(), []
    found = measure_dial(turned, data, progress=lambda share, what: told.append(share))
    assert (found.betas[0], found.betas[-1], len(found.betas)) == (0.2, 5.0, STOPS)
    np.testing.assert_allclose(np.diff(np.log(found.betas)), np.log(25) / (STOPS - 1))
    model = load_run(turned)
    for k in (0, 4, STOPS - 1):
        one = evaluate(model.at_beta(float(found.betas[k])), data, split="test")
        assert found.distortion[k] == pytest.approx(one.distortion, rel=1e-5)
        assert found.rate[k] == pytest.approx(one.rate, rel=1e-4)
        assert found.active[k] == one.active_units
        assert found.count == one.images
    assert found.rate[0] > found.rate[-1], "more β, less rate"
    assert told == sorted(told)
    assert found.points.shape == (STOPS, found.count, 2)


def test_between_stops_it_is_straight_over_log_beta(turned: Run) -> None:
    found = measure_dial(turned, blob_set())
    middle = float(np.sqrt(found.betas[2] * found.betas[3]))
    distortion, rate = found.at(middle)
    assert distortion == pytest.approx((found.distortion[2] + found.distortion[3]) / 2)
    assert rate == pytest.approx((found.rate[2] + found.rate[3]) / 2)


def test_it_is_kept_for_those_weights_and_a_damaged_file_is_none(turned: Run, places: Places) -> None:
    assert stored(turned) is None
    found = measure_dial(turned, blob_set())
    again = stored(turned)
    assert again is not None
    np.testing.assert_array_equal(again.points, found.points)
    assert (again.count, again.rate.tolist()) == (found.count, found.rate.tolist())
    path = places.derived / turned.stamp() / "turned.npz"
    path.write_bytes(path.read_bytes()[:-40])
    assert stored(turned) is None
    measure_dial(turned, blob_set())
    turned.go_on(1)
    assert train_run(turned, places).state == FINISHED
    assert stored(turned) is None, "other weights"


def test_what_is_stopped_keeps_nothing(turned: Run) -> None:
    def stop(share: float, what: str) -> None:
        if share > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_dial(turned, blob_set(), progress=stop)
    assert stored(turned) is None


def test_it_names_the_images_it_was_read_on_and_takes_no_others_of_another_size(turned: Run) -> None:
    """Image numbers and colours of a set that came later under the same name would be silently wrong."""
    measure_dial(turned, blob_set())
    other = dataclasses.replace(blob_set(seed=3), fingerprint="other")
    found = measure_dial(turned, other)
    assert found.fingerprint == "other"
    again = stored(turned)
    assert again is not None
    assert again.fingerprint == "other"
    with pytest.raises(BadImages, match=r"40 images .* was trained on 90"):
        measure_dial(turned, blob_set(count=40))
    with pytest.raises(BadImages, match=r"of shape \(3, 16, 16\)"):
        measure_dial(turned, blob_set(channels=3))
    assert stored(turned) is again, "what was read before stands"


def test_a_run_without_a_dial_is_refused(store: Store, places: Places) -> None:
    run = store.create(config_of(epochs=1), "plain")
    assert train_run(run, places).state == FINISHED
    with pytest.raises(BadConfig, match="no β dial"):
        measure_dial(run, blob_set())
