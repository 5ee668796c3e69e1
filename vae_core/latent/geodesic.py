"""Geodesics: paths between codes along which the decoded picture changes as little as possible.

The decoder g pulls the pixels' Euclidean distance back to the codes: a small step dz there costs
|J(z) dz|, J = dg/dz. A geodesic is a shortest curve under that metric. Shao, Kumar & Fletcher 2018, "The
Riemannian Geometry of Deep Generative Models"; Arvanitidis, Hansen & Hauberg 2018, "Latent Space Oddity". Here
g is the mean decoder alone: it has no notion of its own uncertainty, so the shortest curve may leave the data,
which `penalty` is there to discourage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from vae_core.data.imageset import Progress, silent
from vae_core.errors import BadCodes
from vae_core.latent.paths import check_waypoints

MOST_CODES = 2000  # real codes the penalty looks at
MOST_POINTS = 129
NEIGHBOUR = 10  # whose distance is the codes' spacing h
SHARPNESS = 10.0  # of the soft minimum: at 1 the crowd outweighs the nearest code where D is large
ROUND = 5  # iterations of L-BFGS between two looks at progress and control
LEAST_GAIN = 1e-3  # two rounds that each gain less than this share of the objective end the search


class Decodes(Protocol):
    """What a geodesic needs of a model; LoadedModel has it. `model.decode` maps (B, D) to images (B, ...)."""

    @property
    def model(self) -> Any: ...

    @property
    def latent_dim(self) -> int: ...


@dataclass(frozen=True)
class Geodesic:
    """A path under the pull-back metric; "before" is the straight line through the same waypoints.

    codes (1 + (K - 1) (points - 1), D) float32; energy (before, after), squared pixels; lengths in pixels: the
    root of the summed squared change of [0, 1] values, summed over the steps.
    """

    codes: np.ndarray
    energy: tuple[float, float]
    length_before: float
    length_after: float
    converged: bool


def geodesic(
    model: Decodes, waypoints: np.ndarray, *, points: int = 17, penalty: float = 0.0,
    codes: np.ndarray | None = None, steps: int = 100, seed: int = 0, progress: Progress = silent,
    control: Callable[[], bool] | None = None,
) -> Geodesic:  # fmt: skip
    """The path of least energy through waypoints (K, D), `points` codes a leg, both ends counted.

    Energy of a curve z_0 ... z_n under the pull-back metric, discretised (Shao et al., without their 1/2):

        E = n sum_i |g(z_{i+1}) - g(z_i)|^2  >=  length^2, equal when every step changes the picture as much

    Minimised over the points between the waypoints by L-BFGS from the straight line, all legs at once; waypoints
    stay exactly. What is minimised is

        E / E_line + penalty * mean_i softplus(s(z_i) - s_typical),
        s(z) = -1/10 log mean_j exp(-10 |z - c_j|^2 / h^2)

    where the c_j are up to 2,000 of `codes` and h^2 is the median squared distance of a code to its 10th nearest:
    s is a soft minimum of the squared distance to real codes in units of their spacing (and, but for a factor,
    minus the logarithm of a kernel density). s_typical is its median over the codes themselves, each left out
    of its own mean, so the penalty fades where the path is among the codes as much as the codes are. Far out, at
    penalty 1, a path that goes one h^2 farther from its nearest codes all the way is as bad as one of an energy
    higher by the straight line's.

    At most `steps` iterations; `control()` returning True ends the search with the best path so far. Never
    worse than the straight line in what was minimised: then that line comes back. `seed` draws the codes and a
    tiny offset that frees the search from exact symmetry; the same seed gives the same path.
    Raises BadCodes for wrong shapes, a penalty without codes, or a decoder that gives no finite picture.
    """
    ends = check_waypoints(waypoints).astype(np.float32)
    if ends.shape[1] != model.latent_dim:
        raise BadCodes(f"waypoints are expected as (K, {model.latent_dim}), got {ends.shape}")
    if not 3 <= points <= MOST_POINTS or steps < 1:
        raise BadCodes(f"a leg has 3 to {MOST_POINTS} points and a search at least one step")
    if not (np.isfinite(penalty) and penalty >= 0):
        raise BadCodes(f"the penalty is a number from 0 up, got {penalty}")
    rng = np.random.default_rng(seed)
    device = torch.device(getattr(model, "device", "cpu"))
    density = _Density(_some(codes, ends.shape[1], rng), device) if penalty > 0 else None

    with torch.inference_mode(False), torch.enable_grad():
        curve = _Curve(model, torch.tensor(ends, device=device), points, penalty, density)
        before = curve.evaluate(curve.line)
        if not np.isfinite(before.energy):
            raise BadCodes(
                "the decoder gives no finite picture between these waypoints, so no path is shortest"
            )
        if before.energy < 1e-9:  # one picture all along: nothing could be shorter
            progress(1.0, "nothing changes along this path")
            return _found(curve, before, before, converged=True)
        curve.scale = before.energy
        before = curve.evaluate(curve.line)
        best, converged = _search(curve, before, steps, rng, progress, control)
        even = curve.evaluate(curve.respaced(best))
        if even.objective <= best.objective:
            best = even
    progress(1.0, _gain(before, best))
    return _found(curve, before, best, converged)


@dataclass(frozen=True)
class _Candidate:
    """Points between the waypoints (K - 1, n, D), the length of each step (K - 1, n + 1), their energy, and what is minimised."""

    between: Tensor
    steps: Tensor
    energy: float
    objective: float


class _Curve:
    """The points between the waypoints, K - 1 legs at once, and what their pictures say."""

    def __init__(
        self, model: Decodes, ends: Tensor, points: int, penalty: float, density: _Density | None
    ) -> None:
        self.model, self.ends, self.penalty, self.density = model, ends, penalty, density
        self.scale = 1.0  # the straight line's energy, once it is known
        t = torch.linspace(0, 1, points, device=ends.device)[1:-1, None]
        self.line = ends[:-1, None] * (1 - t) + ends[1:, None] * t
        with torch.no_grad():
            self.pictures = self.decode(ends)

    def decode(self, z: Tensor) -> Tensor:
        """(..., D) -> flat pictures (..., pixels)."""
        flat: Tensor = self.model.model.decode(z.reshape(-1, z.shape[-1]))
        return flat.reshape(*z.shape[:-1], -1)

    def whole(self, between: Tensor) -> Tensor:
        """(K - 1, n, D) -> (K - 1, n + 2, D), with the waypoints on either side."""
        return torch.cat((self.ends[:-1, None], between, self.ends[1:, None]), 1)

    def objective(self, between: Tensor) -> tuple[Tensor, Tensor]:
        """What `geodesic` minimises, and the squared length of each step, (K - 1, n + 1) squared pixels."""
        pictures = torch.cat((self.pictures[:-1, None], self.decode(between), self.pictures[1:, None]), 1)
        squares = (pictures[:, 1:] - pictures[:, :-1]).square().sum(-1)
        objective = squares.numel() * squares.sum() / self.scale
        if self.density is not None:
            objective = objective + self.penalty * self.density.excess(between).mean()
        return objective, squares

    def evaluate(self, between: Tensor) -> _Candidate:
        """Points between the waypoints (K - 1, n, D) with what they score, without gradients."""
        with torch.no_grad():
            objective, squares = self.objective(between)
        return _candidate(between, objective, squares)

    def respaced(self, found: _Candidate) -> Tensor:
        """The same polylines, their points moved so that every step of a leg changes the picture as much."""
        legs = []
        for points, steps in zip(self.whole(found.between).cpu(), found.steps.cpu(), strict=True):
            z, run = points.double().numpy(), np.append(0.0, steps.double().cumsum(0).numpy())
            at = np.linspace(0, run[-1], len(run))[1:-1]
            legs.append(np.stack([np.interp(at, run, column) for column in z.T], 1))
        return torch.tensor(np.stack(legs), dtype=torch.float32, device=self.ends.device)


def _candidate(between: Tensor, objective: Tensor, squares: Tensor) -> _Candidate:
    energy = squares.numel() * float(squares.detach().double().sum())
    return _Candidate(between.detach().clone(), squares.detach().sqrt(), energy, float(objective.detach()))


def _search(
    curve: _Curve, line: _Candidate, steps: int, rng: np.random.Generator, progress: Progress,
    control: Callable[[], bool] | None,
) -> tuple[_Candidate, bool]:  # fmt: skip
    """The best curve met, the straight line among them, and whether the search converged on it.

    Where g is linear the energy of an offset w from the line is n w' (T x M) w, T = tridiag(-1, 2, -1) along the
    path and M the metric. The search runs in coordinates that undo T: neighbouring points pull at each other,
    which would slow it by T's condition number. Undoing M as well was tried and sends codes far along dimensions
    that the decoder hardly heeds.
    """
    n, device = curve.line.shape[1], curve.ends.device
    values, vectors = np.linalg.eigh(2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1))
    along = torch.tensor((vectors / np.sqrt(values)) @ vectors.T, dtype=torch.float32, device=device)
    # off the line by a hundredth of its length: a bump met head-on has no gradient to either side
    reach = (curve.ends[1:] - curve.ends[:-1]).norm(dim=1)[:, None, None]
    noise = torch.tensor(rng.standard_normal(curve.line.shape), dtype=torch.float32, device=device)
    w = (0.01 * reach * noise / noise.shape[-1] ** 0.5).requires_grad_()
    best = line

    def closure() -> Tensor:
        nonlocal best
        between = curve.line + along @ w
        objective, squares = curve.objective(between)
        (w.grad,) = torch.autograd.grad(objective, w)
        if float(objective.detach()) < best.objective:
            best = _candidate(between, objective, squares)
        return objective

    optimizer = torch.optim.LBFGS([w], max_iter=ROUND, history_size=20, line_search_fn="strong_wolfe")
    take_steps: Callable[[Callable[[], Tensor]], Any] = optimizer.step
    last, idle = line.objective, 0
    for done in range(0, steps, ROUND):
        if control is not None and control():
            return best, False
        progress(min(0.99, done / steps), _gain(line, best))
        take_steps(closure)
        idle = idle + 1 if last - best.objective < LEAST_GAIN * last else 0
        if idle == 2:
            return best, True
        last = best.objective
    return best, False


def _gain(line: _Candidate, found: _Candidate) -> str:
    return f"energy {found.energy / line.energy:.0%} of the straight line's"


def _found(curve: _Curve, before: _Candidate, after: _Candidate, converged: bool) -> Geodesic:
    legs = curve.whole(after.between).cpu().numpy()
    return Geodesic(
        np.concatenate((legs[0, :1], *(leg[1:] for leg in legs))),
        (before.energy, after.energy),
        float(before.steps.double().sum()),
        float(after.steps.double().sum()),
        converged,
    )


def _some(codes: np.ndarray | None, size: int, rng: np.random.Generator) -> np.ndarray:
    """At most MOST_CODES of the codes, float32 (N, D). Raises BadCodes."""
    if codes is None:
        raise BadCodes("a penalty for leaving the data needs the codes of real images")
    codes = np.asarray(codes, np.float32)
    if codes.ndim != 2 or codes.shape[1] != size or len(codes) < 2:
        raise BadCodes(f"real codes are expected as (2 or more, {size}), got {codes.shape}")
    if not np.isfinite(codes).all():
        raise BadCodes("the codes of real images must be finite numbers")
    if len(codes) > MOST_CODES:
        codes = codes[rng.choice(len(codes), MOST_CODES, replace=False)]
    return codes


class _Density:
    """How far codes lie from real ones (N, D): s(z) of `geodesic`."""

    def __init__(self, real: np.ndarray, device: torch.device) -> None:
        self.real = torch.tensor(real, device=device)
        squares = torch.cdist(self.real, self.real).square().fill_diagonal_(torch.inf)
        near = squares.kthvalue(min(NEIGHBOUR, len(real) - 1), dim=1).values
        self.width = float(near.median())
        if self.width <= 0:  # many copies of few codes
            self.width = float(near.mean()) or 1.0
        self.typical = float(self._soft(squares, len(real) - 1).median())

    def _soft(self, squares: Tensor, count: int) -> Tensor:
        """Squared distances to `count` real codes (..., N) -> s (...)."""
        total = (-SHARPNESS * squares / self.width).logsumexp(-1)
        return (float(np.log(count)) - total) / SHARPNESS

    def excess(self, z: Tensor) -> Tensor:
        """softplus(s(z) - s_typical): (..., D) -> (...)."""
        flat = z.reshape(-1, z.shape[-1])
        squares = flat.square().sum(1)[:, None] - 2 * flat @ self.real.T + self.real.square().sum(1)
        s = self._soft(squares.clamp(min=0), len(self.real)).reshape(z.shape[:-1])
        return torch.nn.functional.softplus(s - self.typical)
