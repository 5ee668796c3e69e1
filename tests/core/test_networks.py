import math

import pytest
import torch
from torch import nn

from vae_core.errors import BadConfig
from vae_core.models.layers import Up
from vae_core.models.networks import ARCHITECTURES, ConvParams, MlpParams, ResnetParams, build
from vae_core.models.residual import NearestUp, ResidualBlock
from vae_core.models.vae import Posterior, Vae

SIDES = (16, 32, 64, 128)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def layers(module, kind):
    return [m for m in module.modules() if isinstance(m, kind)]


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=lambda e: e.name)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", SIDES)
def test_every_architecture_takes_every_side_and_both_channel_counts(architecture, side, channels):
    shape = (channels, side, side)
    for latent_dim in (1, 7):
        encoder, decoder = build(architecture.name, architecture.params(), shape, latent_dim)
        assert encoder(torch.rand(2, *shape)).shape == (2, 2 * latent_dim)
        assert decoder(torch.randn(2, latent_dim)).shape == (2, *shape)


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=lambda e: e.name)
@pytest.mark.parametrize("side", [16, 64])
def test_what_differs_between_images_and_codes_reaches_the_end_of_fresh_networks(architecture, side):
    shape = (3, side, side)
    encoder, decoder = build(architecture.name, architecture.params(), shape, 10)
    with torch.no_grad():
        mean = encoder(torch.rand(64, *shape)).chunk(2, 1)[0]
        blurred = encoder(
            torch.rand(64, 3, 4, 4).repeat_interleave(side // 4, 2).repeat_interleave(side // 4, 3)
        )
        logits = decoder(torch.randn(64, 10))
    # torch's own start leaves 0.003 of a standard deviation after the layers of a conv network at 64×64
    assert logits.std(0).mean() > 0.2
    assert blurred.chunk(2, 1)[0].std(0).mean() > 0.05
    assert logits.std(0).mean() < 2
    assert mean.abs().max() < 3


@pytest.mark.parametrize("latent_dim", [1, 2, 512])
def test_latent_dimensions_from_one_to_512(latent_dim):
    for name, entry in ARCHITECTURES.items():
        model = Vae(name, entry.params(), (1, 16, 16), latent_dim)
        posterior = model.encode(torch.rand(3, 1, 16, 16))
        assert posterior.mean.shape == posterior.log_var.shape == (3, latent_dim)
        assert model.decode(posterior.mean).shape == (3, 1, 16, 16)


def test_mlp_is_that_of_the_first_vae():
    encoder, decoder = build("mlp", MlpParams(), (1, 28, 28), 20)
    sizes = [(m.in_features, m.out_features) for m in layers(encoder, nn.Linear)]
    assert sizes == [(784, 400), (400, 40)]
    assert [(m.in_features, m.out_features) for m in layers(decoder, nn.Linear)] == [(20, 400), (400, 784)]
    assert len(layers(encoder, nn.ReLU)) == len(layers(decoder, nn.ReLU)) == 1


def test_mlp_mirrors_its_hidden_layers():
    encoder, decoder = build("mlp", MlpParams((50, 30, 10)), (3, 16, 16), 4)
    assert [m.out_features for m in layers(encoder, nn.Linear)] == [50, 30, 10, 8]
    assert [m.out_features for m in layers(decoder, nn.Linear)] == [10, 30, 50, 768]


@pytest.mark.parametrize(
    ("side", "widths"),
    [(16, [32, 64]), (32, [32, 64, 64]), (64, [32, 64, 64, 64]), (128, [32, 64, 64, 64, 64])],
)
def test_conv_widens_once_and_comes_down_to_four_by_four(side, widths):
    encoder, decoder = build("conv", ConvParams(), (3, side, side), 10)
    down, up = layers(encoder, nn.Conv2d), layers(decoder, nn.ConvTranspose2d)
    assert [m.out_channels for m in down] == widths
    assert [m.in_channels for m in down] == [3, *widths[:-1]]
    assert [m.in_channels for m in up] == widths[::-1]
    assert up[-1].out_channels == 3
    for layer in [*down, *up]:
        assert (layer.kernel_size, layer.stride, layer.padding) == ((4, 4), (2, 2), (1, 1))
    assert [(m.in_features, m.out_features) for m in layers(encoder, nn.Linear)] == [
        (64 * 16, 256),
        (256, 20),
    ]
    assert [(m.in_features, m.out_features) for m in layers(decoder, nn.Linear)] == [
        (10, 256),
        (256, 64 * 16),
    ]
    # the last layer gives logits: nothing may cut them at zero
    assert list(decoder)[-1] is up[-1]


def test_conv_width_and_units_are_settings():
    encoder, _ = build("conv", ConvParams(width=8, units=24), (1, 32, 32), 2)
    assert [m.out_channels for m in layers(encoder, nn.Conv2d)] == [8, 16, 16]
    assert layers(encoder, nn.Linear)[0].out_features == 24


@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 8, 8), (1, 33, 33), (1, 32, 16)])
def test_conv_refuses_sides_it_cannot_halve_down_to_four(shape):
    with pytest.raises(BadConfig, match="conv takes square images of side 16, 32, 64, 128"):
        build("conv", ConvParams(), shape, 2)


def test_mlp_takes_any_square():
    assert build("mlp", MlpParams((4,)), (1, 28, 28), 2)[1](torch.zeros(1, 2)).shape == (1, 1, 28, 28)
    with pytest.raises(BadConfig, match="any square size; these are 32×16"):
        build("mlp", MlpParams(), (1, 32, 16), 2)


# ---------------------------------------------------------------- the posterior


def test_samples_have_the_posteriors_mean_and_spread():
    mean, log_var = torch.tensor([[1.0, -2.0, 0.0]]), torch.tensor([[0.0, -4.0, 2.0]])
    count = 40_000
    q = Posterior(mean.expand(count, 3), log_var.expand(count, 3))
    z = q.sample(torch.Generator().manual_seed(0))
    std = (0.5 * log_var[0]).exp()
    off = (z.mean(0) - mean[0]).abs() / (std / math.sqrt(count))
    assert off.max() < 5  # standard errors
    torch.testing.assert_close(z.std(0), std, rtol=0.02, atol=0)
    correlation = torch.corrcoef(z.T) - torch.eye(3)
    assert correlation.abs().max() < 5 / math.sqrt(count)


def test_the_sample_is_differentiable_in_mean_and_variance():
    mean, log_var = torch.randn(4, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    z = Posterior(mean, log_var).sample(torch.Generator().manual_seed(1))
    to_mean, to_log_var = torch.autograd.grad(z.sum(), (mean, log_var))
    torch.testing.assert_close(to_mean, torch.ones(4, 3))
    # dz/dlog_var = std * noise / 2 = (z - mean) / 2
    torch.testing.assert_close(to_log_var, (z - mean).detach() / 2)


def test_the_same_generator_gives_the_same_sample_and_the_global_one_is_left_alone():
    q = Posterior(torch.zeros(4, 3), torch.zeros(4, 3))
    before = torch.get_rng_state()
    one, two, three = (q.sample(torch.Generator().manual_seed(seed)) for seed in (5, 5, 6))
    assert torch.equal(one, two)
    assert not torch.equal(one, three)
    assert torch.equal(before, torch.get_rng_state())


def test_a_plain_autoencoders_code_is_a_point():
    model = Vae("mlp", MlpParams((8,)), (1, 16, 16), 3, stochastic=False)
    posterior = model.encode(torch.rand(2, 1, 16, 16))
    assert posterior.log_var.isneginf().all()
    assert torch.equal(posterior.sample(torch.Generator()), posterior.mean)
    (gradient,) = torch.autograd.grad(posterior.sample().sum(), model.encoder[1].weight)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=lambda e: e.name)
def test_codes_and_logits_are_float32_also_under_autocast_and_pictures_lie_in_the_unit_interval(architecture):
    model = Vae(architecture.name, architecture.params(), (1, 16, 16), 3)
    with torch.autocast("cpu", torch.bfloat16):
        posterior = model.encode(torch.rand(2, 1, 16, 16))
        logits = model.logits(posterior.mean)
    assert {posterior.mean.dtype, posterior.log_var.dtype, posterior.sample().dtype} == {torch.float32}
    assert logits.dtype == torch.float32
    picture = model.decode(100 * torch.randn(8, 3))
    assert 0 <= picture.min() < picture.max() <= 1


def test_training_mode_changes_nothing():
    model = Vae("conv", ConvParams(8, 16), (1, 16, 16), 3)
    x = torch.rand(2, 1, 16, 16)
    assert torch.equal(model.train().encode(x).mean, model.eval().encode(x).mean)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_up_computes_what_torch_does_and_so_do_its_gradients(outputs, layout):
    torch.manual_seed(0)
    ours = Up(6, outputs).to(memory_format=layout)
    theirs = nn.ConvTranspose2d(6, outputs, 4, stride=2, padding=1)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(5, 6, 8, 8).contiguous(memory_format=layout)
    found, results = [], []
    for layer in (ours, theirs):
        given = x.clone().requires_grad_()
        y = layer(given)
        y.square().sum().backward()
        results.append(y)
        found.append((given.grad, layer.weight.grad, layer.bias.grad))
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-5)
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), results[1], rtol=1e-4, atol=1e-5)


def test_up_maps_over_stacked_weights():
    torch.manual_seed(0)
    layer = Up(4, 1)
    weights = torch.stack([layer.weight.detach(), 2 * layer.weight.detach()])
    x = torch.randn(3, 4, 4, 4)
    bias = torch.zeros(1)
    y = torch.func.vmap(lambda w: torch.func.functional_call(layer, {"weight": w, "bias": bias}, (x,)))(
        weights
    )
    torch.testing.assert_close(y[1], 2 * y[0], rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------- residual blocks


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_nearest_up_is_a_convolution_of_the_picture_enlarged(layout):
    layer = NearestUp(5, 3).to(memory_format=layout)
    with torch.no_grad():
        layer.bias.normal_()
    x = torch.randn(2, 5, 4, 4).contiguous(memory_format=layout)
    enlarged = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    wanted = nn.functional.conv2d(enlarged, layer.weight.transpose(0, 1), layer.bias, padding=1)
    torch.testing.assert_close(layer(x), wanted, rtol=1e-4, atol=1e-5)


def test_a_residual_block_adds_to_what_it_is_given():
    block = ResidualBlock(16)
    x = torch.randn(2, 16, 4, 4)
    assert (block(x) - x).std() > 0.1
    for parameter in block[-1].parameters():
        nn.init.zeros_(parameter)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize(("side", "most"), [(32, 1.02), (64, 1.02), (128, 1.02)])
def test_resnet_has_as_many_weights_as_conv(side, most):
    def size(architecture, params):
        return sum(
            p.numel() for m in build(architecture, params, (3, side, side), 10) for p in m.parameters()
        )

    assert 0.98 < size("resnet", ResnetParams()) / size("conv", ConvParams()) < most


def test_resnets_blocks_are_a_setting():
    _, decoder = build("resnet", ResnetParams(8, 16, 3), (1, 32, 32), 2)
    assert [block[0].num_channels for block in layers(decoder, ResidualBlock)] == [16] * 6 + [8] * 3
    with pytest.raises(BadConfig, match="resnet takes square images of side 16, 32, 64, 128"):
        build("resnet", ResnetParams(), (1, 28, 28), 2)


def test_a_resnet_decoder_maps_over_codes():
    _, decoder = build("resnet", ResnetParams(8, 16), (1, 16, 16), 2)
    z = torch.randn(3, 2)
    with torch.no_grad():
        found = torch.func.vmap(lambda code: decoder(code[None])[0])(z)
        torch.testing.assert_close(found, decoder(z), rtol=1e-4, atol=1e-5)
