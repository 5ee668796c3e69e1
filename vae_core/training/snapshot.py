"""What an epoch leaves to look at: pictures, and the codes of the same images every time."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from vae_core.data.splits import Splits
from vae_core.events import Encoded, Snapshot
from vae_core.latent.statistics import order_by_kl
from vae_core.training.feed import Feed
from vae_core.training.learners import Learner

MOST_CODES = 2_000  # images whose codes are stored for every epoch
DENSE_EPOCHS, DENSE_BYTES = 200, 32 << 20  # the first so many epochs, or bytes of them, are all stored
BATCH = 250  # images encoded at a time
ORIGINALS, SAMPLES, ROWS = 8, 16, 4  # pictures of a snapshot; ROWS is its traversals
STEPS = 9  # pictures of a traversal, from −3 to 3


def tracked_images(splits: Splits) -> tuple[np.ndarray, np.ndarray]:
    """The up to 2,000 images whose codes every epoch stores: some of validation, then of train, numbers each.

    Evenly spaced. Validation comes first, since its codes are worked out anyway.
    """
    validation = splits.validation[_evenly(len(splits.validation), MOST_CODES)]
    return validation, splits.train[_evenly(len(splits.train), MOST_CODES - len(validation))]


def _evenly(count: int, most: int) -> np.ndarray:
    """Up to `most` places from 0 to count - 1."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def codes_every(epoch: int, latent_dim: int) -> int:
    """Codes are stored of every epoch at first, of every 2nd once that many are there, then of every 4th, ...

    With E dense epochs (200, fewer where 2,000 codes of D dimensions would take more than 32 MB): 1 up to epoch E,
    2 up to 2 E, 4 up to 4 E. So a run's codes grow with the logarithm of its length, the early epochs, in which the
    space forms, stay whole, and what is stored does not depend on how many epochs are planned.
    """
    dense = max(1, min(DENSE_EPOCHS, DENSE_BYTES // (2 * MOST_CODES * latent_dim)))
    return 1 << ((epoch - 1) // dense).bit_length()


def codes_due(epoch: int, epochs: int, latent_dim: int) -> bool:
    """Whether the codes of an epoch are stored: as `codes_every` says, and the last epoch's."""
    return epoch % codes_every(epoch, latent_dim) == 0 or epoch == epochs


def encoded(
    learner: Learner, feed: Feed, splits: Splits, means: np.ndarray, step: int, epoch: int
) -> Encoded | None:
    """Codes of the tracked images; those of the validation split are given, (N, D).

    None where a code is not a number: the run is about to fail.
    """
    validation, train = tracked_images(splits)
    parts = [means[np.searchsorted(splits.validation, validation)]]
    for start in range(0, len(train), BATCH):
        images = feed.floats(torch.from_numpy(train[start : start + BATCH]))
        parts.append(learner.encode(images).float().cpu().numpy())
    most = np.finfo(np.float16).max
    codes = np.concatenate(parts).clip(-most, most).astype(np.float16)
    if np.isnan(codes).any():
        return None
    return Encoded(step, epoch, codes, np.concatenate((validation, train)).astype(np.int32))


def snapshot(
    learner: Learner, feed: Feed, splits: Splits, *, latent_dim: int, seed: int, kl: tuple[float, ...], step: int,
    epoch: int,
) -> Snapshot:  # fmt: skip
    """Eight validation images and their reconstructions, sixteen prior samples, four traversals.

    The traversals vary the dimensions with the largest `kl` from −3 to 3, around the first image's code; around zero
    where nothing encodes.
    """
    images = feed.floats(torch.from_numpy(splits.validation[:ORIGINALS]))
    generator = torch.Generator(feed.device).manual_seed(seed)
    noise = torch.empty(SAMPLES, latent_dim, device=feed.device).normal_(generator=generator)
    codes = learner.encode(images) if learner.has_encoder else noise.new_zeros(0, latent_dim)
    start = codes[0] if len(codes) else noise.new_zeros(latent_dim)
    dims = tuple(int(d) for d in order_by_kl(np.asarray(kl or np.zeros(latent_dim)))[:ROWS])
    values = torch.linspace(-3, 3, STEPS, device=feed.device)
    walks = start.repeat(len(dims), len(values), 1)
    for row, d in enumerate(dims):
        walks[row, :, d] = values
    decoded = to_uint8(learner.decode(torch.cat((codes, noise, walks.flatten(0, 1)))))
    n = len(codes)
    walked = decoded[n + SAMPLES :].reshape(len(dims), len(values), *decoded.shape[1:])
    return Snapshot(step, epoch, to_uint8(images), decoded[:n], decoded[n : n + SAMPLES], walked, dims)


def snapshot_due(epoch: int, epochs: int) -> bool:
    """At most a hundred snapshots a run, evenly spaced, the last epoch's among them."""
    return epoch % math.ceil(epochs / 100) == 0 or epoch == epochs


def to_uint8(x: Tensor) -> np.ndarray:
    """Images in [0, 1], any shape -> uint8, rounded."""
    return (x.float().clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
