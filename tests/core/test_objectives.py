import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from torch import distributions as td

from vae_core.models.features import Features
from vae_core.models.vae import Posterior
from vae_core.objectives import BETA_SCHEDULES, LIKELIHOODS, OBJECTIVES
from vae_core.objectives.likelihoods import (
    GaussianParams,
    LaplaceParams,
    bernoulli,
    gaussian,
    gaussian_optimal,
    laplace,
)
from vae_core.objectives.losses import BetaParams, CapacityParams
from vae_core.objectives.rate import (
    decompose_rate,
    kl_per_dim,
    log_normal,
    rate_with_free_bits,
    stratified_log_weights,
)
from vae_core.objectives.schedules import CyclicalParams, WarmupParams, cyclical, warmup
from vae_core.objectives.terms import Batch, ForwardPass, Moment, weighted_sum
from vae_core.options import NoParams

SHAPE = (5, 3, 4, 4)
PIXELS = 3 * 4 * 4
NONE = NoParams()


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(3)


def normal(rng, *shape):
    return torch.randn(*shape, generator=rng)


def posterior_of(rng, batch, dims, *, leaf=False):
    mean, log_var = normal(rng, batch, dims), normal(rng, batch, dims)
    return Posterior(mean.requires_grad_(leaf), log_var.requires_grad_(leaf))


def rated(kl, free_bits):
    """A forward pass of which only the rate matters."""
    nothing = torch.zeros(len(kl), 1, 2, 2)
    batch = Batch(nothing, torch.Generator())
    return ForwardPass(batch, nothing, nothing, kl, kl, Posterior(kl, kl), 10, free_bits)


# ---------------------------------------------------------------- likelihoods against torch.distributions


def test_bernoulli_is_the_negative_log_likelihood_of_black_and_white_images(rng):
    logits, x = 3 * normal(rng, *SHAPE), (torch.rand(SHAPE, generator=rng) > 0.5).float()
    exact = -td.Bernoulli(logits=logits).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(bernoulli(logits, x, NONE), exact)


def test_bernoulli_on_grey_values_is_the_cross_entropy(rng):
    logits, x = normal(rng, *SHAPE), torch.rand(SHAPE, generator=rng)
    p = logits.sigmoid()
    exact = -(x * p.log() + (1 - x) * (1 - p).log()).flatten(1).sum(1)
    torch.testing.assert_close(bernoulli(logits, x, NONE), exact)


def test_bernoulli_does_not_overflow_far_from_the_boundary():
    logits, x = torch.tensor([[[[300.0, -300.0]]]]), torch.tensor([[[[0.0, 0.0]]]])
    assert bernoulli(logits, x, NONE).item() == 300.0


@pytest.mark.parametrize("sigma", [0.001, 0.1, 1.0, 10.0])
def test_gaussian_is_the_negative_log_density(rng, sigma):
    logits, x = normal(rng, *SHAPE), torch.rand(SHAPE, generator=rng)
    exact = -td.Normal(logits.sigmoid(), sigma).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(gaussian(logits, x, GaussianParams(sigma)), exact, rtol=1e-5, atol=1e-2)


@pytest.mark.parametrize("scale", [0.01, 0.1, 1.0])
def test_laplace_is_the_negative_log_density(rng, scale):
    logits, x = normal(rng, *SHAPE), torch.rand(SHAPE, generator=rng)
    exact = -td.Laplace(logits.sigmoid(), scale).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(laplace(logits, x, LaplaceParams(scale)), exact)


def test_a_perfect_reconstruction_costs_the_normalising_constant_alone():
    logits = torch.zeros(SHAPE)
    x = logits.sigmoid()
    for distortion, params, per_pixel in (
        (bernoulli, NONE, math.log(2)),
        (gaussian, GaussianParams(0.2), 0.5 * math.log(2 * math.pi * 0.04)),
        (laplace, LaplaceParams(0.2), math.log(0.4)),
    ):
        values = distortion(logits, x, params)
        torch.testing.assert_close(values, torch.full((5,), PIXELS * per_pixel))


def test_the_learned_sigma_takes_its_optimum_value(rng):
    logits, x = normal(rng, *SHAPE), torch.rand(SHAPE, generator=rng)
    mse = (logits.sigmoid() - x).square().mean().item()
    at_optimum = 0.5 * PIXELS * math.log(2 * math.pi * mse) + 0.5 * PIXELS
    found = gaussian_optimal(logits, x, NONE)
    assert found.shape == (5,)
    assert found.mean().item() == pytest.approx(at_optimum, rel=1e-5)
    # and no fixed sigma does better
    fixed = [gaussian(logits, x, GaussianParams(math.sqrt(mse) * f)).mean().item() for f in (0.9, 1, 1.1)]
    assert fixed[1] == pytest.approx(at_optimum, rel=1e-5)
    assert min(fixed[0], fixed[2]) > at_optimum


def test_the_learned_sigmas_gradient_is_that_of_the_gaussian_calibrated_at_the_optimum(rng):
    logits = normal(rng, *SHAPE).requires_grad_()
    x = torch.rand(SHAPE, generator=rng)
    mse = (logits.sigmoid() - x).square().mean().item()
    learned = torch.autograd.grad(gaussian_optimal(logits, x, NONE).mean(), logits)[0]
    fixed = torch.autograd.grad(gaussian(logits, x, GaussianParams(math.sqrt(mse))).mean(), logits)[0]
    torch.testing.assert_close(learned, fixed, rtol=1e-4, atol=1e-7)


def test_a_given_sigma_is_used_in_place_of_the_batchs_own(rng):
    logits, x = normal(rng, *SHAPE), torch.rand(SHAPE, generator=rng)
    given = gaussian_optimal(logits, x, NONE, torch.tensor(math.log(0.3)))
    torch.testing.assert_close(given, gaussian(logits, x, GaussianParams(0.3)))


def test_a_perfect_reconstruction_has_a_finite_learned_sigma():
    logits = torch.zeros(SHAPE, requires_grad=True)
    value = gaussian_optimal(logits, logits.detach().sigmoid(), NONE).mean()
    # sigma stops at half a grey level
    assert value.item() == pytest.approx(PIXELS * (math.log(0.5 / 255) + 0.5 * math.log(2 * math.pi)))
    assert torch.autograd.grad(value, logits)[0].isfinite().all()


@pytest.mark.parametrize("likelihood", LIKELIHOODS.values(), ids=lambda e: e.name)
def test_every_likelihood_gives_one_number_an_image_and_gradients(likelihood, rng):
    logits = normal(rng, *SHAPE).requires_grad_()
    x = torch.rand(SHAPE, generator=rng)
    features = Features(SHAPE[1])
    values = likelihood.of(logits, x, likelihood.params(), None, features)
    assert values.shape == (5,)
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    assert gradient.isfinite().all()
    assert gradient.abs().min() > 0
    # better pictures cost less
    near = torch.logit(x.clamp(0.01, 0.99))
    assert (likelihood.of(near, x, likelihood.params(), None, features) < values).all()


@pytest.mark.parametrize("likelihood", LIKELIHOODS.values(), ids=lambda e: e.name)
def test_density_says_whether_nats_may_be_negative(likelihood):
    x = torch.full(SHAPE, 0.5)
    best = likelihood.of(torch.zeros(SHAPE), x, likelihood.params(), None, Features(SHAPE[1]))
    assert bool((best < 0).all()) == likelihood.density


# ---------------------------------------------------------------- the rate


def test_kl_is_the_kullback_leibler_divergence_of_torch(rng):
    q = posterior_of(rng, 7, 4)
    exact = td.kl_divergence(td.Normal(q.mean, (0.5 * q.log_var).exp()), td.Normal(0.0, 1.0))
    torch.testing.assert_close(kl_per_dim(q), exact)


def test_kl_of_the_prior_is_zero_and_nothing_is_below():
    assert kl_per_dim(Posterior(torch.zeros(2, 3), torch.zeros(2, 3))).tolist() == [[0.0] * 3] * 2
    grid = torch.linspace(-3, 3, 61)
    means, log_vars = torch.meshgrid(grid, grid, indexing="ij")
    assert kl_per_dim(Posterior(means, log_vars)).min() >= 0


def test_log_normal_is_that_of_torch(rng):
    z, mean, log_var = normal(rng, 6), normal(rng, 6), normal(rng, 6)
    torch.testing.assert_close(
        log_normal(z, mean, log_var), td.Normal(mean, (0.5 * log_var).exp()).log_prob(z)
    )


def test_free_bits_grant_each_dimension_its_share():
    kl = torch.tensor([[0.1, 2.0], [0.3, 4.0]])
    batch = rated(kl, 0.0)
    assert rate_with_free_bits(batch).item() == pytest.approx(0.2 + 3.0)
    granted = rated(kl, 0.5)
    assert rate_with_free_bits(granted).item() == pytest.approx(0.5 + 3.0)


def test_free_bits_are_granted_to_the_mean_over_the_images_not_to_each():
    kl = torch.tensor([[0.1], [0.9]])
    batch = rated(kl, 0.4)
    assert rate_with_free_bits(batch).item() == pytest.approx(0.5)


def test_free_bits_leave_a_dimension_below_them_without_gradient():
    kl = torch.tensor([[0.1, 2.0], [0.3, 4.0]], requires_grad=True)
    batch = rated(kl, 0.5)
    (gradient,) = torch.autograd.grad(rate_with_free_bits(batch), kl)
    assert gradient.tolist() == [[0.0, 0.5], [0.0, 0.5]]


# ---------------------------------------------------------------- total correlation


def stratified_weights(batch, size):
    """The weights `decompose_rate` gives the images of a batch, (B, B)."""
    return torch.from_numpy(stratified_log_weights(batch, size)).exp()


@pytest.mark.parametrize(("batch", "size"), [(1, 1), (2, 2), (2, 50), (5, 5), (8, 1000), (128, 50_000)])
def test_stratified_weights_sum_to_one_over_the_batch(batch, size):
    weights = stratified_weights(batch, size)
    assert weights.shape == (batch, batch)
    np.testing.assert_allclose(weights.sum(1), 1.0, rtol=1e-5)
    assert weights.min() >= 0
    if batch > 1:
        np.testing.assert_allclose(weights.diagonal(), 1 / size, rtol=1e-5)


@pytest.mark.parametrize(("batch", "size"), [(4, 4), (3, 5)])
def test_stratified_weights_estimate_the_aggregate_posterior_without_bias(batch, size):
    """Averaged over all ordered batches that begin with image 0, q(z_0) is the mean over all images."""
    density = np.random.default_rng(0).uniform(0.1, 2.0, size)  # q(z_0 | x_j)
    weights = stratified_weights(batch, size).numpy()[0]
    estimates = [
        weights @ density[[0, *others]] for others in itertools.permutations(range(1, size), batch - 1)
    ]
    assert np.mean(estimates) == pytest.approx(density.mean(), rel=1e-6)
    assert np.std(estimates) > 1e-3


def direct_decomposition(z, mean, log_var, weights):
    """MI, TC and dimension-wise KL as written in Chen et al. 2018, eq. 2, one number at a time."""
    z, mean, log_var, weights = (np.asarray(v, np.float64) for v in (z, mean, log_var, weights))
    size, dims = z.shape

    def density(i, j, d):
        variance = np.exp(log_var[j, d])
        return np.exp(-((z[i, d] - mean[j, d]) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)

    terms = []
    for i in range(size):
        own = sum(np.log(density(i, i, d)) for d in range(dims))
        joint = sum(weights[i, j] * np.prod([density(i, j, d) for d in range(dims)]) for j in range(size))
        each = [sum(weights[i, j] * density(i, j, d) for j in range(size)) for d in range(dims)]
        prior = sum(-0.5 * z[i, d] ** 2 - 0.5 * np.log(2 * np.pi) for d in range(dims))
        product = np.log(each).sum()
        terms.append((own - np.log(joint), np.log(joint) - product, product - prior))
    return np.mean(terms, axis=0)


def test_the_decomposition_is_the_papers(rng):
    q = posterior_of(rng, 6, 3)
    z = q.sample(rng)
    expected = direct_decomposition(z, q.mean, q.log_var, stratified_weights(6, 40))
    found = [part.item() for part in decompose_rate(z, q, 40)]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_three_parts_sum_to_the_sampled_rate_exactly_and_to_the_rate_in_expectation(rng):
    q = Posterior(normal(rng, 16, 3), 0.3 * normal(rng, 16, 3) - 1)
    totals = []
    for _ in range(400):
        z = q.sample(rng)
        total = sum(decompose_rate(z, q, 16))
        sampled = (log_normal(z, q.mean, q.log_var) - td.Normal(0.0, 1.0).log_prob(z)).sum(1).mean()
        torch.testing.assert_close(total, sampled, rtol=1e-4, atol=1e-4)
        totals.append(total.item())
    rate = kl_per_dim(q).sum(1).mean().item()
    spread = np.std(totals) / math.sqrt(len(totals))
    assert abs(np.mean(totals) - rate) < 5 * spread
    assert spread < 0.03 * rate


def test_total_correlation_tells_dependent_codes_from_independent_ones(rng):
    """Two dimensions that say the same have it, two that were drawn apart have next to none."""
    a, b = normal(rng, 256), normal(rng, 256)
    narrow = torch.full((256, 2), -4.0)
    parts = {}
    for name, second in (("same", a), ("apart", b)):
        q = Posterior(torch.stack((a, second), 1), narrow)
        parts[name] = [part.item() for part in decompose_rate(q.sample(rng), q, 256)]
    assert parts["same"][1] > 1.0
    assert abs(parts["apart"][1]) < 0.5 * parts["same"][1]


def test_one_image_alone_has_neither_information_nor_correlation(rng):
    q = posterior_of(rng, 1, 3)
    information, correlation, _ = decompose_rate(q.sample(rng), q, 100)
    assert (information.item(), correlation.item()) == (pytest.approx(0.0), pytest.approx(0.0))


# ---------------------------------------------------------------- objectives


def passed(rng, objective, free_bits=0.0):
    """A planted forward pass of eight images, its means and its log variances."""
    mean, log_var = normal(rng, 8, 3).requires_grad_(), normal(rng, 8, 3).requires_grad_()
    if not objective.has_posterior:
        posterior = Posterior(mean, torch.full_like(mean, -torch.inf))
        z, kl = mean, torch.zeros(8, 3)
    else:
        posterior = Posterior(mean, log_var)
        z, kl = posterior.sample(rng), kl_per_dim(posterior)
    distortion = 10 + z.square().sum(1)
    images = torch.zeros(8, 1, 2, 2)
    targets = normal(rng, 8, 3) if "targets" in objective.needs else None
    batch = Batch(images, rng, targets=targets)
    forward = ForwardPass(batch, images, distortion, kl, z, posterior, 100, free_bits)
    return forward, mean, log_var


def terms_and_loss(objective, forward, moment, free_bits=0.0):
    values = objective.compute(forward, objective.params(), moment)
    return values, weighted_sum(objective.terms_for(free_bits), values, moment)


ALL = pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=lambda e: e.name)
OF_ONE_PASS = pytest.mark.parametrize(  # a game's terms come from its learner: tests/core/test_gan.py
    "objective", [e for e in OBJECTIVES.values() if e.has_likelihood], ids=lambda e: e.name
)


@OF_ONE_PASS
def test_every_objective_is_a_finite_scalar_whose_gradient_reaches_the_encoder(objective, rng):
    forward, mean, log_var = passed(rng, objective)
    _, loss = terms_and_loss(objective, forward, objective.final(objective.params()))
    assert loss.shape == ()
    assert loss.isfinite()
    gradients = torch.autograd.grad(loss, (mean, log_var), allow_unused=True)
    assert gradients[0].isfinite().all()
    assert gradients[0].abs().min() > 0
    if objective.has_posterior:
        assert gradients[1].isfinite().all()
        assert gradients[1].abs().min() > 0
    else:
        assert gradients[1] is None


@OF_ONE_PASS
@pytest.mark.parametrize("free_bits", [0.0, 0.5])
def test_every_objective_gives_the_terms_it_declares_and_they_add_up_to_the_loss(objective, free_bits, rng):
    if free_bits and not objective.takes_free_bits:
        pytest.skip("has no free bits")
    forward, _, _ = passed(rng, objective, free_bits)
    moment = objective.moment(objective.params(), 3, 0.3, 0.6)
    values, loss = terms_and_loss(objective, forward, moment, free_bits)
    declared = objective.terms_for(free_bits)
    assert {t.name for t in declared} == set(values)
    assert all(v.shape == () for v in values.values())
    parts = [float(moment.weight_of(t)) * values[t.name].item() for t in declared]
    assert loss.item() == pytest.approx(sum(parts), rel=1e-5)
    torch.testing.assert_close(values["distortion"], forward.distortion.mean())
    if objective.has_posterior:
        torch.testing.assert_close(values["rate"], forward.kl.sum(1).mean())
    else:
        assert "rate" not in values


@ALL
def test_every_term_and_coefficient_says_what_it_is(objective):
    for term in objective.terms_for(1.0):
        assert term.title
        assert term.label
        assert term.formula
        assert term.unit == "nats per image" or not term.minimised or not objective.has_likelihood
        assert term.help
    for c in objective.coefficients:
        assert c.symbol
        assert c.help
        assert not c.symbol[0].isspace()


def at(objective, params, **shares):
    return objective.moment(
        params, 0, shares.get("progress", 1.0), shares.get("factor", 1.0), shares.get("live")
    )


def test_losses_are_the_formulas_beside_them(rng):
    q = Posterior(torch.zeros(2, 2), torch.zeros(2, 2))
    images = torch.zeros(2, 1, 2, 2)
    kl = torch.tensor([[1.0, 0.0], [2.0, 3.0]])  # a rate of 3, 1.5 of it in each dimension
    forward = ForwardPass(Batch(images, rng), images, torch.tensor([8.0, 12.0]), kl, q.mean, q, 100)

    def loss(name, free_bits=0.0, **values):
        entry = OBJECTIVES[name]
        seen = dataclasses.replace(forward, free_bits=free_bits)
        moment = Moment(0, 1.0, values)
        found = entry.compute(seen, entry.params(), moment)
        return weighted_sum(entry.terms_for(free_bits), found, moment).item()

    assert loss("autoencoder") == 10.0
    assert loss("vae", beta=1.0) == 10 + 3
    assert loss("beta_vae", beta=4.0) == 10 + 4 * 3
    assert loss("beta_vae", free_bits=2.0, beta=4.0) == 10 + 4 * (2 + 2)
    assert loss("capacity", gamma=30.0, capacity=5.0) == 10 + 30 * 2
    assert loss("capacity", gamma=30.0, capacity=1.0) == 10 + 30 * 2
    assert loss("capacity", free_bits=2.0, gamma=30.0, capacity=1.0) == 10 + 30 * 3
    tcvae = OBJECTIVES["beta_tcvae"]
    planted = {"distortion": 10.0, "mutual_information": 3.0, "total_correlation": 2.0, "dimension_wise_kl": 1.0, "rate": 99.0}  # fmt: skip
    assert weighted_sum(tcvae.terms, planted, Moment(0, 1.0, {"beta": 4.0})) == 10 + 3 + 4 * 2 + 1


@ALL
def test_terms_move_with_the_moment_where_the_entry_says_so_and_nowhere_else(objective, rng):
    """So the loss at the end is the same terms weighed otherwise, and need not be computed again."""
    forward, _, _ = passed(rng, objective)
    params = objective.params()
    early, late = (
        objective.compute(forward, params, objective.moment(params, 0, progress, factor))
        for progress, factor in ((0.1, 0.2), (1.0, 1.0))
    )
    assert any(not torch.equal(early[name], late[name]) for name in early) == objective.terms_move


def test_multi_rate_takes_each_image_at_its_own_beta(rng):
    q = Posterior(torch.zeros(3, 2), torch.zeros(3, 2))
    images = torch.zeros(3, 1, 2, 2)
    distortion, kl = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([[1.0, 1.0], [2.0, 0.0], [0.0, 3.0]])
    betas = torch.tensor([80.0, 15.0, 0.0])
    forward = ForwardPass(Batch(images, rng), images, distortion, kl, q.mean, q, 100, beta=betas)
    objective = OBJECTIVES["multi_rate"]
    _, loss = terms_and_loss(objective, forward, objective.final(objective.params()))
    assert loss.item() == pytest.approx(((1 + 80 * 2) / 3 + (2 + 15 * 2) / 2 + 3) / 3)
    at_one = dataclasses.replace(forward, beta=None)
    _, loss = terms_and_loss(objective, at_one, objective.final(objective.params()))
    assert loss.item() == pytest.approx((1 + 2 + 2 + 2 + 3 + 3) / 3)


def test_beta_tcvae_at_beta_one_is_the_elbo_of_the_same_sample(rng):
    objective = OBJECTIVES["beta_tcvae"]
    forward, _, _ = passed(rng, objective)
    _, loss = terms_and_loss(objective, forward, objective.final(BetaParams(1.0)))
    z, q = forward.z, forward.posterior
    rate = (log_normal(z, q.mean, q.log_var) - td.Normal(0.0, 1.0).log_prob(z)).sum(1).mean()
    torch.testing.assert_close(loss, forward.distortion.mean() + rate, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "values", "beta"),
    [
        ("autoencoder", {}, None),
        ("vae", {"beta": 1.0}, 1.0),
        ("beta_vae", {"beta": 4.0}, 4.0),
        ("multi_rate", {}, None),
        ("beta_tcvae", {"beta": 4.0}, 4.0),
        ("capacity", {"gamma": 30.0, "capacity": 25.0}, None),
        ("ada_gvae", {"beta": 1.0}, 1.0),
        ("guided", {"beta": 3.0, "guidance": 2000.0}, 3.0),
    ],
)
def test_the_final_coefficients_are_those_of_the_parameters(name, values, beta):
    entry = OBJECTIVES[name]
    assert entry.final(entry.params()).values == values
    assert entry.beta_of(entry.params()) == beta


def test_schedules_and_hands_move_the_coefficients_they_may():
    capacity, params = OBJECTIVES["capacity"], CapacityParams(capacity=10.0, gamma=2.0, growth=0.5)
    assert at(capacity, params, progress=0.25, factor=0.1).values == {
        "gamma": pytest.approx(0.2),
        "capacity": 5.0,
    }
    assert at(capacity, params, live=7.0).values == {"gamma": 7.0, "capacity": 10.0}
    assert at(OBJECTIVES["beta_vae"], BetaParams(4.0), factor=0.5).values == {"beta": 2.0}
    assert at(OBJECTIVES["beta_vae"], BetaParams(4.0), factor=0.5, live=3.0).values == {"beta": 3.0}
    assert at(OBJECTIVES["autoencoder"], NoParams(), live=3.0).values == {}
    assert at(capacity, CapacityParams(capacity=10.0, growth=0.0), progress=0.0)["capacity"] == 10.0


def test_labels_tell_objectives_and_their_coefficients_apart():
    labels = {name: entry.label(entry.params()) for name, entry in OBJECTIVES.items()}
    assert labels == {
        "vae": "VAE, β 1", "beta_vae": "β-VAE, β 4", "multi_rate": "β dial", "capacity": "capacity, γ 30, C 25",
        "beta_tcvae": "β-TCVAE, β 4", "ada_gvae": "Ada-GVAE, β 1", "guided": "guided, β 3, γ 2000",
        "autoencoder": "autoencoder", "gan": "GAN", "vae_gan": "VAE-GAN, λ 5",
    }  # fmt: skip


def test_the_plain_autoencoder_has_no_posterior_and_a_gan_no_encoder():
    assert [name for name, entry in OBJECTIVES.items() if not entry.has_posterior] == ["autoencoder", "gan"]
    assert [name for name, entry in OBJECTIVES.items() if not entry.has_encoder] == ["gan"]


def test_an_entry_that_contradicts_itself_is_refused():
    vae = OBJECTIVES["vae"]
    with pytest.raises(ValueError, match="unknown weight 'gamma'"):
        dataclasses.replace(vae, terms=(dataclasses.replace(vae.terms[0], weight="gamma"),))
    with pytest.raises(ValueError, match="colours, which no batch carries"):
        dataclasses.replace(vae, needs=frozenset({"colours"}))
    with pytest.raises(ValueError, match="more than one coefficient"):
        dataclasses.replace(vae, coefficients=(*vae.coefficients, *OBJECTIVES["capacity"].coefficients))


# ---------------------------------------------------------------- schedules of beta


@pytest.mark.parametrize(("progress", "factor"), [(0, 0.0), (0.1, 0.5), (0.2, 1.0), (0.7, 1.0), (1.0, 1.0)])
def test_warmup_rises_over_its_share(progress, factor):
    assert warmup(progress, WarmupParams(0.2)) == pytest.approx(factor)


@pytest.mark.parametrize(
    ("progress", "factor"),
    [(0, 0.0), (0.0625, 0.5), (0.125, 1.0), (0.2, 1.0), (0.25, 0.0), (0.5625, 0.5), (0.99, 1.0), (1.0, 1.0)],
)
def test_cyclical_rises_once_a_cycle_and_stays_up_at_the_end(progress, factor):
    assert cyclical(progress, CyclicalParams(cycles=4, rise=0.5)) == pytest.approx(factor)


def test_a_rise_of_no_length_is_a_step():
    assert warmup(0.0, WarmupParams(0.0)) == 1.0
    assert cyclical(0.0, CyclicalParams(4, 0.0)) == 1.0


@pytest.mark.parametrize("schedule", BETA_SCHEDULES.values(), ids=lambda e: e.name)
def test_every_schedule_stays_between_nothing_and_all_and_ends_at_all(schedule):
    params = schedule.params()
    values = [schedule.factor(i / 1000, params) for i in range(1001)]
    assert min(values) >= 0
    assert max(values) == values[-1] == 1.0
    assert (schedule.name == "constant") == (values == [1.0] * 1001)
