from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vae_core.errors import BadCodes
from vae_core.latent.geodesic import geodesic
from vae_core.latent.measures import image_length, support
from vae_core.latent.paths import lerp, through


def model_of(decode, latent_dim=2):
    """The least a geodesic needs of a model."""
    return SimpleNamespace(model=SimpleNamespace(decode=decode), latent_dim=latent_dim)


def hill(height=3.0, width=0.5):
    """g(z) = (z, height exp(-|z|^2 / 2 width^2)): a plane with a hill at its origin."""

    def decode(z):
        top = height * torch.exp(-z.square().sum(1, keepdim=True) / (2 * width**2))
        return torch.cat((z, top), 1)

    return model_of(decode)


ACROSS = np.array([[-1.5, 0.0], [1.5, 0.0]])


def energy_of(decode, codes):
    """E = n sum |dg|^2, in numpy."""
    images = decode(torch.tensor(codes)).double().numpy()
    return (len(codes) - 1) * np.square(np.diff(images, axis=0)).sum()


def test_under_a_flat_metric_the_geodesic_is_the_straight_line():
    rng = np.random.default_rng(0)
    mixing = torch.tensor(rng.standard_normal((4, 30)), dtype=torch.float32)
    waypoints = rng.standard_normal((3, 4))
    found = geodesic(model_of(lambda z: z @ mixing, 4), waypoints)
    np.testing.assert_allclose(found.codes, through(waypoints, np.linspace(0, 1, 33)), atol=1e-3)
    assert found.energy[1] == pytest.approx(found.energy[0], rel=1e-4)
    assert found.length_after == pytest.approx(found.length_before, rel=1e-4)
    assert found.converged


@pytest.mark.parametrize("seed", range(4))
def test_a_hill_met_head_on_is_walked_around(seed):
    model = hill()
    found = geodesic(model, ACROSS, seed=seed)
    assert found.converged
    assert found.energy[1] < 0.35 * found.energy[0]
    assert np.abs(found.codes[:, 1]).max() > 0.5
    # no way over the plane is shorter than 3, and going round the foot of the hill costs little more
    assert 3.0 <= found.length_after < 4.2 < found.length_before
    assert found.energy[1] >= found.length_after**2 - 1e-3


def test_what_is_reported_is_what_the_codes_say():
    model = hill()
    found = geodesic(model, ACROSS, points=9)
    line = lerp(*ACROSS, np.linspace(0, 1, 9)).astype(np.float32)
    decode = model.model.decode
    assert found.energy == pytest.approx((energy_of(decode, line), energy_of(decode, found.codes)), rel=1e-4)
    pictures = [decode(torch.tensor(codes)).numpy()[:, None, None] for codes in (line, found.codes)]
    lengths = [image_length(p) for p in pictures]
    assert (found.length_before, found.length_after) == pytest.approx(lengths, rel=1e-4)


def test_steps_change_the_picture_evenly():
    found = geodesic(hill(), ACROSS)
    steps = np.linalg.norm(np.diff(hill().model.decode(torch.tensor(found.codes)).numpy(), axis=0), axis=1)
    assert steps.max() / steps.min() < 1.3
    line = hill().model.decode(torch.tensor(lerp(*ACROSS, np.linspace(0, 1, 17)))).numpy()
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    assert steps.max() / steps.min() > 3


@pytest.mark.parametrize("count", [2, 3, 8])
def test_waypoints_stay_exactly(count):
    waypoints = np.random.default_rng(count).uniform(-1.5, 1.5, (count, 2)).astype(np.float32)
    found = geodesic(hill(), waypoints, points=6, steps=10)
    assert found.codes.shape == (1 + (count - 1) * 5, 2)
    assert found.codes.dtype == np.float32
    np.testing.assert_array_equal(found.codes[::5], waypoints)


def test_the_same_seed_gives_the_same_path():
    codes = np.random.default_rng(1).standard_normal((3000, 2))
    one, two = (geodesic(hill(), ACROSS, penalty=0.5, codes=codes, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.codes, two.codes)
    assert one.energy == two.energy
    other = geodesic(hill(), ACROSS, penalty=0.5, codes=codes, seed=4)
    assert (other.codes != one.codes).any()


def test_a_penalty_keeps_the_path_with_the_data():
    """The decoder is flat, so the shortest way is the chord; the codes lie on an arc above it."""
    angle = np.random.default_rng(0).uniform(0, np.pi, 600)
    radius = 1 + 0.05 * np.random.default_rng(1).standard_normal(600)
    codes = np.stack((radius * np.cos(angle), radius * np.sin(angle)), 1)
    flat = model_of(lambda z: z)
    ends = np.array([[-1.0, 0.0], [1.0, 0.0]])
    distances = {}
    for penalty in (0.0, 0.05, 1.0):
        found = geodesic(flat, ends, penalty=penalty, codes=codes, steps=200)
        distances[penalty] = support(found.codes, codes).mean()
    assert distances[0.0] > 0.3
    assert distances[1.0] < distances[0.05] < distances[0.0]
    assert distances[1.0] < 0.1
    assert (
        found.energy[1] > found.energy[0]
    )  # the way round is the longer one, and is taken for the data's sake


def test_a_penalty_keeps_to_the_nearest_codes_in_many_dimensions():
    """Of two clouds between the ends the far one is much the larger; the nearest codes are those of the small."""
    rng = np.random.default_rng(0)
    size, middle = 10, np.zeros(10)
    middle[1] = 0.8
    small = middle + 0.3 * rng.standard_normal((100, size))
    large = -4 * middle + 0.3 * rng.standard_normal((1500, size))
    codes, flat = np.concatenate((small, large)), model_of(lambda z: z, size)
    ends = np.zeros((2, size))
    ends[:, 0] = -1, 1
    plain, kept = (geodesic(flat, ends, penalty=p, codes=codes) for p in (0.0, 3.0))
    assert support(kept.codes, codes).mean() < support(plain.codes, codes).mean() - 0.05
    assert kept.codes[8, 1] > 0.1 > abs(plain.codes[8, 1])


def test_a_search_can_be_watched_and_stopped_and_keeps_what_it_has():
    told = []
    polls = iter([False, False, True])
    found = geodesic(
        hill(), ACROSS, progress=lambda share, what: told.append((share, what)), control=lambda: next(polls)
    )
    assert not found.converged
    assert found.energy[1] < found.energy[0]
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] == 1.0
    assert "of the straight line's" in told[-1][1]
    stopped = geodesic(hill(), ACROSS, control=lambda: True)
    assert not stopped.converged
    np.testing.assert_array_equal(stopped.codes[:, 1], 0.0)  # on the line still, spaced evenly in pictures
    assert stopped.energy[1] <= stopped.energy[0]


def test_equal_waypoints_make_a_path_that_stays():
    found = geodesic(hill(), np.ones((3, 2)))
    np.testing.assert_array_equal(found.codes, 1.0)
    assert found.energy == (0.0, 0.0)
    assert found.converged


def test_a_trained_decoder_has_shorter_ways_than_the_line(model, digits):
    waypoints = model.encode(digits.images[[0, 1, 2]]).mean
    found = geodesic(model, waypoints, points=9)
    assert 0 < found.energy[1] < found.energy[0]
    assert image_length(model.decode(found.codes)) == pytest.approx(found.length_after, rel=1e-3)
    np.testing.assert_array_equal(found.codes[[0, 8, 16]], waypoints)
    np.testing.assert_array_equal(model.decode(found.codes[[0]]), model.decode(waypoints[[0]]))


def test_no_point_of_an_unlucky_search_is_worse_than_the_line():
    """A decoder of white noise: whatever is tried, the line must not be beaten by something worse."""
    mixing = torch.tensor(np.random.default_rng(0).standard_normal((2, 40)) * 40, dtype=torch.float32)
    for seed in range(5):
        ends = np.random.default_rng(seed).standard_normal((2, 2))
        found = geodesic(model_of(lambda z: torch.sin(z @ mixing)), ends, steps=5, seed=seed)
        assert found.energy[1] <= found.energy[0]


@pytest.mark.parametrize(
    ("waypoints", "options", "said"),
    [
        (np.zeros((1, 2)), {}, "2 to 8 waypoints"),
        (np.zeros((2, 3)), {}, r"expected as \(K, 2\)"),
        (np.full((2, 2), np.nan), {}, "finite"),
        (ACROSS, {"points": 2}, "3 to 129 points"),
        (ACROSS, {"steps": 0}, "at least one step"),
        (ACROSS, {"penalty": -1.0}, "from 0 up"),
        (ACROSS, {"penalty": 1.0}, "needs the codes"),
        (ACROSS, {"penalty": 1.0, "codes": np.zeros((9, 3))}, "real codes are expected"),
        (ACROSS, {"penalty": 1.0, "codes": np.full((9, 2), np.nan)}, "finite"),
    ],
)
def test_what_cannot_be_searched_is_refused(waypoints, options, said):
    with pytest.raises(BadCodes, match=said):
        geodesic(hill(), waypoints, **options)


def test_a_decoder_that_diverged_is_refused():
    with pytest.raises(BadCodes, match="no finite picture"):
        geodesic(model_of(lambda z: z * torch.nan), ACROSS)
