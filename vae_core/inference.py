"""A trained model ready to use: batching, device, no gradients. Arrays in, arrays out."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vae_core.config import RunConfig
from vae_core.data.imageset import ImageSet, Progress, silent
from vae_core.devices import choose_device
from vae_core.errors import BadCodes, BadConfig, BadImages, BadRun
from vae_core.latent.statistics import kl_from_prior
from vae_core.models.build import make_model
from vae_core.models.multi_rate import folded
from vae_core.models.vae import Vae
from vae_core.places import Places, write_atomically
from vae_core.runs.store import Record, Run, Store

BATCH = 256
CODES_FORMAT = 1


@dataclass(frozen=True)
class Codes:
    """Posteriors of N images. mean, log_var (N, D) float32; log_var is -inf for a plain autoencoder."""

    mean: np.ndarray
    log_var: np.ndarray

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def std(self) -> np.ndarray:
        return np.exp(0.5 * self.log_var)

    def sample(self, rng: np.random.Generator) -> np.ndarray:
        """z ~ q(z|x), (N, D)."""
        return self.mean + self.std * rng.standard_normal(self.mean.shape).astype(np.float32)

    @property
    def kl_per_dim(self) -> np.ndarray:
        """KL[q(z_d|x) || N(0, 1)] averaged over the images, (D,) nats."""
        if np.isneginf(self.log_var).all():
            return np.full(self.mean.shape[1], np.nan, np.float32)
        return kl_from_prior(self.mean, self.log_var).mean(0)


@dataclass(frozen=True)
class StoredCodes(Codes):
    """Codes of some of a dataset's images, with what is known of those.

    index (N,) into the dataset; labels (N,) or None; factors (N, K) or None; error (N,) distortion in nats.
    """

    index: np.ndarray
    labels: np.ndarray | None
    factors: np.ndarray | None
    error: np.ndarray
    label_names: tuple[str, ...]
    factor_names: tuple[str, ...]
    split: str

    def take(self, rows: np.ndarray) -> StoredCodes:
        """The codes at rows (M,)."""
        return StoredCodes(
            self.mean[rows], self.log_var[rows], self.index[rows],
            None if self.labels is None else self.labels[rows],
            None if self.factors is None else self.factors[rows],
            self.error[rows], self.label_names, self.factor_names, self.split,
        )  # fmt: skip


class LoadedModel:
    """A run's network, loaded. `images` are (N, C, H, W) uint8 or floats in [0, 1]; codes are (N, D).

    numpy arrays or tensors go in, numpy arrays come out. Of a β dial it is the plain network at one β, 1 unless
    another is given; `at_beta` turns it. `beta` is None for a run without a dial.
    """

    def __init__(
        self,
        record: Record,
        weights: dict[str, Tensor],
        stamp: str,
        device: str = "auto",
        *,
        beta: float = 1.0,
    ) -> None:
        if record.shape is None:
            raise BadRun(f"the run {record.id} never started, so there is nothing to load")
        self.record, self.stamp = record, stamp
        self.config = record.effective
        self.shape = record.shape
        self.device = torch.device(choose_device(device))
        with torch.random.fork_rng(devices=[]):
            self.model: Vae = make_model(self.config, self.shape)
        try:
            self.model.load_state_dict(weights)
        except RuntimeError as error:
            raise BadRun(f"the run {record.id}: its weights do not fit its settings: {error}") from None
        self.beta: float | None = None
        self.gated: dict[str, Tensor] | None = None  # of a dial: its weights with the gates
        if (dial := self.config.objective.dial) is not None:
            self.beta, self.gated = dial.check(beta), dict(weights)
            with torch.random.fork_rng(devices=[]):
                self.model = make_model(self.config, self.shape, gated=False)
            self.model.load_state_dict(folded(self.gated, dial, self.beta))
        self.model.eval().requires_grad_(False).to(self.device)

    @property
    def latent_dim(self) -> int:
        return self.config.model.latent_dim

    @property
    def stochastic(self) -> bool:
        return self.model.stochastic

    # ------------------------------------------------ the dial

    def at_beta(self, beta: float) -> LoadedModel:
        """The same run at another β of its dial, 0.1 to 10 unless it was trained otherwise.

        Its stamp is its own, as its codes are. Raises BadConfig beyond the dial, or for a run that has none.
        """
        if self.gated is None:
            raise BadConfig(
                f"the run {self.record.name} has no β dial: it was trained {_own_weight(self.config)}. Train one with "
                "the objective multi_rate"
            )
        stamp = self.stamp.split("-")[0] + (f"-beta{float(beta)!r}" if beta != 1 else "")
        return LoadedModel(self.record, self.gated, stamp, str(self.device), beta=float(beta))

    def on(self, device: str) -> LoadedModel:
        """The same network on another device."""
        weights = self.model.state_dict() if self.gated is None else self.gated
        return LoadedModel(
            self.record, weights, self.stamp, device, beta=1.0 if self.beta is None else self.beta
        )

    # ------------------------------------------------ encode and decode

    def prepare(self, images: Any) -> np.ndarray:
        """(N, C, H, W) or (C, H, W) or (H, W), uint8 or floats in [0, 1] -> uint8 as the run was trained.

        Grey becomes colour or colour grey as needed. 28×28 goes into 32×32 by zero padding, other sizes are
        resized. Raises BadCodes for other shapes, NaN, or floats outside [0, 1].
        """
        x = _array(images)
        if x.ndim == 2:
            x = x[None, None]
        elif x.ndim == 3:
            x = x[None]
        if x.ndim != 4 or x.shape[1] not in (1, 3) or 0 in x.shape[2:]:
            raise BadCodes(f"images are expected as (N, 1 or 3, H, W), got {tuple(x.shape)}")
        if x.dtype != np.uint8:
            if not np.issubdtype(x.dtype, np.floating):
                raise BadCodes(f"images are expected as uint8 or floats in [0, 1], got {x.dtype}")
            if not np.isfinite(x).all() or (len(x) and (x.min() < -1e-6 or x.max() > 1 + 1e-6)):
                raise BadCodes(
                    f"float images must lie in [0, 1]; these lie in [{x.min():.3g}, {x.max():.3g}]"
                )
            x = np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)
        channels, side, _ = self.shape
        if channels == 1 and x.shape[1] == 3:
            # Rec. 601 luma, as image programs turn colour to grey
            x = np.rint(x.astype(np.float32).transpose(0, 2, 3, 1) @ [0.299, 0.587, 0.114]).astype(np.uint8)[
                :, None
            ]
        elif channels == 3 and x.shape[1] == 1:
            x = np.repeat(x, 3, 1)
        return x if x.shape[2:] == (side, side) else _fit(x, side)

    def encode(self, images: Any, progress: Progress = silent) -> Codes:
        """Posteriors of images, see `prepare` for what is accepted."""
        return self._encode_prepared(self.prepare(images), progress)

    @torch.inference_mode()
    def _encode_prepared(self, x: np.ndarray, progress: Progress = silent) -> Codes:
        means, log_vars = [], []
        for start in range(0, len(x), BATCH):
            posterior = self.model.encode(self._floats(x[start : start + BATCH]))
            means.append(posterior.mean.cpu().numpy())
            log_vars.append(posterior.log_var.cpu().numpy())
            progress(
                min(1.0, (start + BATCH) / len(x)), f"{min(start + BATCH, len(x)):,} of {len(x):,} images"
            )
        if not means:
            empty = np.zeros((0, self.latent_dim), np.float32)
            return Codes(empty, empty)
        return Codes(np.concatenate(means), np.concatenate(log_vars))

    @torch.inference_mode()
    def decode(self, codes: Any) -> np.ndarray:
        """(N, D) or (D,) -> the likelihood's mean images, (N, C, H, W) float32 in [0, 1]."""
        z = self.check_codes(codes)
        parts = [
            self.model.decode(torch.from_numpy(z[i : i + BATCH]).to(self.device)).cpu().numpy()
            for i in range(0, len(z), BATCH)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, *self.shape), np.float32)

    def decode_uint8(self, codes: Any) -> np.ndarray:
        """As `decode`, rounded to uint8 for showing."""
        return np.rint(self.decode(codes) * 255).astype(np.uint8)

    def check_codes(self, codes: Any) -> np.ndarray:
        """float32 (N, D). Raises BadCodes."""
        z = _array(codes)
        if z.dtype.kind not in "fiu":
            raise BadCodes(f"codes are expected as numbers, got {z.dtype}")
        if z.ndim == 1:
            z = z[None]
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise BadCodes(f"codes are expected as (N, {self.latent_dim}), got {tuple(z.shape)}")
        z = np.ascontiguousarray(z, np.float32)
        if not np.isfinite(z).all():
            raise BadCodes("codes must be finite numbers")
        return z

    def reconstruct(self, images: Any) -> np.ndarray:
        """Decode the posterior means of images: (N, C, H, W) float32."""
        return self.decode(self.encode(images).mean)

    def _floats(self, x: np.ndarray) -> Tensor:
        # a part of a memory-mapped file cannot be written to, of which torch warns: that is copied
        return torch.from_numpy(np.require(x, requirements=["C", "W"])).to(self.device) / 255

    # ------------------------------------------------ terms over many images

    @torch.inference_mode()
    def terms(
        self,
        images: np.ndarray | Rows,
        *,
        seed: int = 0,
        log_sigma: float | None = None,
        progress: Progress = silent,
    ) -> tuple[np.ndarray, Codes]:
        """Distortion of each image with one posterior sample, (N,) nats, and the codes. float32, seeded.

        `log_sigma` is the learned observation noise; None takes the value stored with the weights.
        """
        likelihood = self.config.objective.likelihood_entry
        params = self.config.objective.likelihood.params
        sigma = None
        if likelihood.learns_sigma:
            sigma = self.model.log_sigma if log_sigma is None else torch.tensor(log_sigma, device=self.device)
        generator = torch.Generator(self.device).manual_seed(seed)
        distortions, means, log_vars = [], [], []
        for start in range(0, len(images), BATCH):
            x = self._floats(images[start : start + BATCH])
            posterior = self.model.encode(x)
            z = posterior.sample(generator) if self.stochastic else posterior.mean
            distortions.append(likelihood.distortion(self.model.logits(z), x, params, sigma).cpu().numpy())
            means.append(posterior.mean.cpu().numpy())
            log_vars.append(posterior.log_var.cpu().numpy())
            progress(min(1.0, (start + BATCH) / len(images)), f"{min(start + BATCH, len(images)):,} images")
        codes = Codes(np.concatenate(means), np.concatenate(log_vars))
        return np.concatenate(distortions), codes


def load(
    ref: str | Path, home: str | Path | None = None, *, data_dir: str | Path | None = None, which: str = "last",
    device: str = "auto",
) -> LoadedModel:  # fmt: skip
    """Load a run by name or id: `run = vc.load("faces"); x = run.decode(run.encode(images).mean)`.

    `which` is last or best (lowest validation objective). Raises RunNotFound, BadRun.
    """
    run = Store(Places.find(home, data_dir)).find(str(ref))
    return load_run(run, which=which, device=device)


def load_run(run: Run, *, which: str = "last", device: str = "auto") -> LoadedModel:
    stamp = ""
    while stamp != run.stamp():  # a checkpoint may land while the weights are read
        stamp = run.stamp()
        weights = run.weights(which)
    return LoadedModel(run.record(), weights, stamp, device)


# ---------------------------------------------------------------- stored codes


def codes_path(run: Run, split: str, stamp: str = "") -> Path:
    """Of the run's own weights, or of those with another `stamp`."""
    return run.places.derived / (stamp or run.stamp()) / f"codes-{split}.npz"


def stored_codes(run: Run, split: str = "test") -> StoredCodes | None:
    """Codes computed before for these very weights, or shipped with a pretrained run; else None."""
    for path in (codes_path(run, split), run.path / "codes.npz"):
        codes = _read_codes(path, run.stamp())
        if codes is not None:
            return codes
    return None


def compute_codes(
    run: Run,
    model: LoadedModel,
    data: ImageSet,
    split: str = "test",
    *,
    most: int = 0,
    progress: Progress = silent,
) -> StoredCodes:
    """Encode a split (at most `most` of its images, evenly spaced) and keep the result for these weights."""
    index = model.config.data.split(data).named(split)
    if not len(index):
        raise BadImages(f"{data.name} has no {split} images")
    if most and len(index) > most:
        index = index[np.linspace(0, len(index) - 1, most).astype(int)]
    stored = encode_images(model, data, index, split, progress=progress)
    if model.beta in (None, 1.0):  # those of a turned dial are not what the run's pages show
        # by the weights that made them: the run's may be others by now
        path = codes_path(run, split, model.stamp)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, codes_bytes(stored, model.stamp), durable=False)
    return stored


def encode_images(
    model: LoadedModel, data: ImageSet, index: np.ndarray, split: str, *, progress: Progress = silent
) -> StoredCodes:
    """Codes of the images at `index` (N,), with their labels, factors and reconstruction errors."""
    error, codes = model.terms(Rows(data.images, index), progress=progress)
    return StoredCodes(
        codes.mean,
        codes.log_var,
        index,
        None if data.labels is None else np.asarray(data.labels[index]),
        None if data.factors is None else np.asarray(data.factors[index]),
        error,
        data.label_names,
        data.factor_names,
        split,
    )


class Rows:
    """A view of some rows of a memory-mapped array that gathers only what is sliced."""

    def __init__(self, array: np.ndarray, index: np.ndarray) -> None:
        self.array, self.index = array, index

    def __len__(self) -> int:
        return len(self.index)

    @property
    def size(self) -> int:
        """Number of values in all rows."""
        return len(self.index) * int(np.prod(self.array.shape[1:]))

    def __getitem__(self, part: slice) -> np.ndarray:
        return self.array[self.index[part]]


def codes_bytes(codes: StoredCodes, stamp: str, dtype: type = np.float32) -> bytes:
    """One npz without pickles. `dtype` float16 halves what is shipped."""
    import io

    arrays: dict[str, Any] = {
        "format": np.array(CODES_FORMAT),
        "stamp": np.array(stamp),
        "split": np.array(codes.split),
        "index": codes.index.astype(np.int32),
        "mean": codes.mean.astype(dtype),
        "log_var": codes.log_var.astype(dtype),
        "error": codes.error.astype(np.float32),
        "label_names": np.array(codes.label_names, dtype=str),
        "factor_names": np.array(codes.factor_names, dtype=str),
    }
    if codes.labels is not None:
        arrays["labels"] = codes.labels.astype(np.int16)
    if codes.factors is not None:
        arrays["factors"] = codes.factors.astype(dtype)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _read_codes(path: Path, stamp: str) -> StoredCodes | None:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as npz:
            if int(npz["format"]) != CODES_FORMAT or str(npz["stamp"]) != stamp:
                return None
            return StoredCodes(
                npz["mean"].astype(np.float32),
                npz["log_var"].astype(np.float32),
                npz["index"].astype(np.int64),
                npz["labels"].astype(np.int64) if "labels" in npz else None,
                npz["factors"].astype(np.float32) if "factors" in npz else None,
                npz["error"],
                tuple(str(n) for n in npz["label_names"]),
                tuple(str(n) for n in npz["factor_names"]),
                str(npz["split"]),
            )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error):
        return None  # missing or damaged: it can be computed again


# ---------------------------------------------------------------- small helpers


def _own_weight(config: RunConfig) -> str:
    """How the rate weighed, in words."""
    coefficients = config.objective.entry.coefficients
    if not coefficients:
        return "without a weighed rate"
    final = config.objective.final
    return f"at {' and '.join(f'{c.symbol} = {final[c.name]:g}' for c in coefficients)} alone"


def _array(value: Any) -> np.ndarray:
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    return np.asarray(value)


def _fit(x: np.ndarray, side: int) -> np.ndarray:
    """uint8 (N, C, H, W) of another size -> side × side, as images are brought in: middle square, bicubic."""
    from PIL import Image

    h, w = x.shape[2:]
    if (h, w) == (28, 28) and side == 32:
        return np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)))
    edge = min(h, w)
    top, left = (h - edge) // 2, (w - edge) // 2
    x = x[:, :, top : top + edge, left : left + edge]
    out = np.empty((len(x), x.shape[1], side, side), np.uint8)
    for i, image in enumerate(x):
        for c, plane in enumerate(image):
            out[i, c] = np.asarray(Image.fromarray(plane).resize((side, side), Image.Resampling.BICUBIC))
    return out
