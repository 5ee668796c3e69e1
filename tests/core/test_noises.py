"""Noise on the input: what each kind does to planted images, and what a run learns from: noisy images read, clean ones rebuilt."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import blob_set, config_of, frozen

from vae_core.config import ObjectiveConfig, RunConfig
from vae_core.errors import BadConfig
from vae_core.events import Checkpoint
from vae_core.objectives import NOISES, OBJECTIVES
from vae_core.objectives.noises import NONE, noisy
from vae_core.options import Choice, from_json, to_json
from vae_core.training import resolve, train
from vae_core.training.feed import Feed
from vae_core.training.learners import make_learner
from vae_core.training.stacked import train_stacked

KINDS = [name for name in NOISES if name != NONE]
GAUSSIAN = Choice("gaussian", NOISES["gaussian"].params(0.4))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def levels(level: float, count: int = 4) -> torch.Tensor:
    return torch.full((count,), level)


def grey(count: int = 4, side: int = 40) -> torch.Tensor:
    return torch.full((count, 3, side, side), 0.7)


@pytest.mark.parametrize("kind", KINDS)
def test_noise_depends_on_its_generator_alone_stays_in_range_and_at_level_0_changes_nothing(
    kind: str,
) -> None:
    x = torch.from_numpy(rng(1).random((4, 3, 16, 16), dtype=np.float32))
    apply = NOISES[kind].apply
    assert torch.equal(apply(x, levels(0), rng()), x)
    found = apply(x, levels(0.5), rng())
    assert found.shape == x.shape
    assert torch.equal(found, apply(x, levels(0.5), rng()))
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1
    assert not torch.equal(found, x)


def test_gaussian_noise_has_its_sigma_where_nothing_is_clipped() -> None:
    found = NOISES["gaussian"].apply(grey(), levels(0.05), rng()) - 0.7
    assert float(found.std()) == pytest.approx(0.05, rel=0.03)
    assert float(found.mean()) == pytest.approx(0, abs=0.001)


def test_salt_and_pepper_hit_their_share_of_pixels_in_all_colours_at_once() -> None:
    found = NOISES["salt_pepper"].apply(grey(), levels(0.3), rng())
    hit = found != 0.7
    assert bool((hit.all(1) == hit.any(1)).all())
    assert float(hit.float().mean()) == pytest.approx(0.3, abs=0.02)
    assert float((found == 1).float().mean()) == pytest.approx(0.15, abs=0.02)


def test_a_missing_square_has_its_side_and_lies_within_the_image() -> None:
    found = NOISES["square"].apply(grey(50), levels(0.25, 50), rng())
    gone = (found != 0.7).any(1)
    assert set(gone.sum((1, 2)).tolist()) == {100}
    assert set(gone.any(1).sum(1).tolist()) == {10}
    assert len({tuple(torch.nonzero(one)[0].tolist()) for one in gone}) > 10, "it is not always in one place"


def test_downscaling_keeps_flat_images_and_takes_fine_detail() -> None:
    fine = torch.zeros(2, 1, 32, 32)
    fine[:, :, :, ::2] = 1
    torch.testing.assert_close(NOISES["downscale"].apply(grey(), levels(0.5), rng()), grey())
    torch.testing.assert_close(
        NOISES["downscale"].apply(fine, levels(0.5, 2), rng()), torch.full_like(fine, 0.5)
    )


def test_levels_of_training_lie_between_nothing_and_the_highest() -> None:
    x = grey(400, 8)
    off = noisy(x, NOISES["square"], NOISES["square"].params(0.5), rng()) != x
    sides = off.any(1).any(1).sum(1)
    assert set(sides.tolist()) == {0, 1, 2, 3, 4}


# ---------------------------------------------------------------- a run


def feed_of(kind: str = "gaussian") -> tuple[Feed, torch.Tensor]:
    data = blob_set()
    train_ = config_of().data.split(data).train
    noise = Choice(kind, NOISES[kind].params())
    feed = Feed(data, train_, 0, torch.device("cpu"), torch.contiguous_format, input_noise=noise)
    return feed, torch.from_numpy(train_[:5])


def test_a_step_has_its_own_noise_and_images_that_are_looked_at_always_the_same() -> None:
    feed, index = feed_of()
    generator = torch.Generator()
    batch = feed.batch(index, generator, 3)
    assert torch.equal(batch.images, feed.floats(index)), "the target is clean"
    assert batch.noisy is not None
    assert batch.read is batch.noisy
    assert not torch.equal(batch.noisy, batch.images)
    for step, same in ((3, True), (4, False), (None, False)):
        other = feed.batch(index, generator, step).noisy
        assert other is not None
        assert torch.equal(other, batch.noisy) is same
    looked = [feed.batch(index, generator).noisy for _ in range(2)]
    assert torch.equal(*looked)  # type: ignore[arg-type]
    plain, _ = feed_of(NONE)
    assert plain.batch(index, generator, 3).noisy is None


@pytest.mark.parametrize("objective", ["vae", "autoencoder", "multi_rate"])
def test_noisy_images_are_read_and_clean_ones_are_the_target(objective: str) -> None:
    """The loss of a batch is that of reading its noisy images alone, measured against the clean ones."""
    data = blob_set()
    config = resolve(config_of(objective=objective, input_noise=GAUSSIAN), data)
    learner = make_learner(config, data.shape, 60, torch.device("cpu"))
    feed, index = feed_of()
    batch = feed.batch(index, torch.Generator().manual_seed(1), 0)
    assert batch.noisy is not None
    _, (logits, posterior, z), _ = learner.learned_from(batch)  # type: ignore[attr-defined]
    log_beta = (learner.draw(5, torch.Generator().manual_seed(1)),) if objective == "multi_rate" else ()  # type: ignore[attr-defined]
    torch.testing.assert_close(posterior.mean, learner.model.encode(batch.noisy, *log_beta).mean)  # type: ignore[attr-defined]
    final = config.objective.final
    _, row = learner.measure(batch, (logits, posterior, z), final, final)  # type: ignore[attr-defined]
    told = row[2 + [t.name for t in learner.terms].index("distortion")]
    against = torch.nn.functional.binary_cross_entropy_with_logits(logits, batch.images, reduction="none")
    torch.testing.assert_close(told, against.flatten(1).sum(1).mean())


def test_codes_that_validation_keeps_are_of_the_clean_images() -> None:
    data = blob_set()
    config = resolve(config_of(input_noise=GAUSSIAN), data)
    learner = make_learner(config, data.shape, 60, torch.device("cpu"))
    feed, index = feed_of()
    final = config.objective.final
    _, codes = learner.evaluate(feed.batch(index, torch.Generator().manual_seed(0)), final, final, 0)
    assert codes is not None
    torch.testing.assert_close(codes, learner.encode(feed.floats(index)))


@pytest.mark.parametrize(
    "changes",
    [
        {"objective": "vae", "likelihood": "gaussian_optimal"},
        {"objective": "autoencoder", "augment": "shifts"},
        {"objective": "multi_rate"},
    ],
    ids=str,
)
def test_a_run_with_noise_goes_on_bit_by_bit(changes: dict[str, str]) -> None:
    config = resolve(config_of(input_noise=GAUSSIAN, **changes), blob_set())
    whole = list(train(config, blob_set()))
    middle = next(
        i for i, e in enumerate(whole) if isinstance(e, Checkpoint) and 0 < e.step < whole[0].steps_total
    )
    rest = list(train(config, blob_set(), resume=whole[middle].resume))
    assert [frozen(e) for e in rest[1:]] == [frozen(e) for e in whole[middle + 1 :]]


def test_a_stack_learns_from_the_same_noise_as_a_run_alone() -> None:
    config = resolve(config_of(input_noise=GAUSSIAN), blob_set())
    alone = [e for e in train(config, blob_set()) if isinstance(e, Checkpoint)][-1]
    both = [e for _, e in train_stacked([config, config], blob_set()) if isinstance(e, Checkpoint)][-1]
    for name, value in alone.last.items():
        torch.testing.assert_close(both.last[name], value, rtol=1e-3, atol=1e-4)


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_an_objective_takes_noise_or_says_why_not(objective: str) -> None:
    entry = OBJECTIVES[objective]
    assert bool(entry.no_input_noise) == (objective in {"gan", "vae_gan", "ada_gvae"})
    unused = ObjectiveConfig(objective).unused
    assert ("input_noise" in unused) == bool(entry.no_input_noise)
    if entry.no_input_noise:
        with pytest.raises(BadConfig, match=f"input_noise: {objective} takes none, for .*; choose none"):
            ObjectiveConfig(objective, input_noise=GAUSSIAN)
    else:
        assert ObjectiveConfig(objective, input_noise=GAUSSIAN).label.endswith(", noisy input")


def test_settings_of_before_are_without_noise() -> None:
    told = to_json(RunConfig())
    del told["objective"]["input_noise"]
    assert from_json(RunConfig, told).objective.input_noise.name == NONE
