"""Self-supervised learning of the features of a distance: a network is trained to tell by which turn a picture was turned.

Gidaris et al. 2018, "Unsupervised Representation Learning by Predicting Image Rotations". No labels are needed.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vae_core.models.features import CHANNELS, Features
from vae_core.training.feed import Feed

STEPS, BATCH, RATE = 300, 64, 2e-3
MOST_IMAGES = 10_000  # of the training images, evenly taken
TURNS = 4  # quarter turns


def turned(images: Tensor, turns: Tensor) -> Tensor:
    """Images (B, C, H, H), each by its number (B,) of quarter turns."""
    every = torch.stack([torch.rot90(images, k, (2, 3)) for k in range(TURNS)])
    return every[turns, torch.arange(len(images), device=images.device)]


def learn_turns(features: Features, feed: Feed, seed: int, device: torch.device) -> float:
    """Set the weights of `features` by 300 steps of 64 training images; the same images and seed give the same weights.

    Returns the share of turns that were told in the last 50 steps.
    """
    generator = torch.Generator().manual_seed(seed)
    train = torch.from_numpy(feed.train[:: max(1, len(feed.train) // MOST_IMAGES)])
    head = (torch.randn(TURNS, CHANNELS[-1], generator=generator) * 0.1).to(device)
    weights = [*features.buffers(), head]
    for weight in weights:
        weight.requires_grad_(True)
    optimiser = torch.optim.Adam(weights, lr=RATE)
    told = torch.zeros((), device=device)
    for step in range(STEPS):
        index = train[torch.randint(len(train), (min(BATCH, len(train)),), generator=generator)]
        turns = torch.randint(TURNS, (len(index),), generator=generator).to(device)
        # the mean over places: what tells a turn must lie in the features, not in where they are
        logits = features(turned(feed.floats(index), turns))[-1].mean((2, 3)) @ head.T
        optimiser.zero_grad()
        torch.autograd.backward(F.cross_entropy(logits, turns))
        optimiser.step()
        if step >= STEPS - 50:
            told += (logits.argmax(1) == turns).float().mean() / 50
    for weight in weights:
        weight.requires_grad_(False)
        weight.grad = None
    return float(told)
