"""Where batches come from: uint8 images resident or memory-mapped, gathered by index, turned to float once."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vae_core.data.imageset import ImageSet
from vae_core.errors import BadConfig
from vae_core.objectives.terms import Batch


class Feed:
    """Batches of a dataset, in an order that the seed and the epoch decide.

    `needs` names what a batch carries beside images (objectives.terms.NEEDS). Raises BadConfig when the dataset has
    no labels or factors and they are needed.
    """

    def __init__(
        self,
        data: ImageSet,
        train: np.ndarray,
        seed: int,
        device: torch.device,
        layout: torch.memory_format,
        needs: frozenset[str] = frozenset(),
    ) -> None:
        self.train, self.seed, self.device, self.layout, self.needs = train, seed, device, layout, needs
        for name, there in (("labels", data.labels), ("factors", data.factors)):
            if name in needs and there is None:
                raise BadConfig(
                    f"objective: it learns from {name}, and {data.name} has none; choose another dataset"
                )
        self.images = torch.from_numpy(data.images)
        if device.type == "cuda" and self.images.numel() < torch.cuda.mem_get_info()[0] // 4:
            self.images = self.images.to(device)
        self.labels = self._resident(data.labels, "labels", np.int64)
        self.factors = self._resident(data.factors, "factors", np.float32)

    def _resident(self, array: np.ndarray | None, name: str, dtype: type) -> Tensor | None:
        if array is None or name not in self.needs:
            return None
        return torch.from_numpy(np.ascontiguousarray(array, dtype)).to(self.images.device)

    def shuffled(self, epoch: int) -> Tensor:
        """The training images' numbers in the order of an epoch, where the images are."""
        rng = np.random.default_rng((self.seed, epoch))
        return torch.from_numpy(rng.permutation(self.train)).to(self.images.device)

    def floats(self, index: Tensor) -> Tensor:
        """Images by number -> (B, C, H, W) floats in [0, 1] on the device."""
        x = self.images.index_select(0, index.to(self.images.device)).to(self.device)
        return (x / 255).contiguous(memory_format=self.layout)

    def batch(self, index: Tensor, generator: torch.Generator) -> Batch:
        """What a step gets of the images `index` (B,). A second image is drawn from the training images."""
        there = index.to(self.images.device)
        second = None
        if "second" in self.needs:
            places = torch.randint(len(self.train), (len(index),), generator=generator, device=self.device)
            second = self.floats(torch.from_numpy(self.train)[places.cpu()])
        return Batch(
            self.floats(index),
            generator,
            None if self.labels is None else self.labels[there].to(self.device),
            None if self.factors is None else self.factors[there].to(self.device),
            second,
        )
