"""Where batches come from: uint8 images resident or memory-mapped, gathered by index, turned to float once."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vae_core.data.imageset import ImageSet
from vae_core.data.pairs import pairs_of
from vae_core.errors import BadConfig
from vae_core.objectives.noises import NOISES, NONE, noisy
from vae_core.objectives.terms import Batch, Part
from vae_core.options import Choice
from vae_core.training.team import ALONE, Team

AUGMENT_STREAM = 1  # tells these random numbers from those of the order of an epoch
NOISE_STREAM, FIXED_STREAM = 2, 3  # of noise on the input, of steps and of images that are looked at
REACH = 8  # of an image's side: the part of it that shifts go to at the most


def augmented(images: Tensor, kinds: str, rng: np.random.Generator) -> Tensor:
    """Images (B, C, H, W), each mirrored or not ("flips" in `kinds`) and moved whole pixels ("shifts"), by chance.

    Edges are repeated where a shift leaves a gap. The numbers depend on `rng` alone, so a run that was interrupted
    draws the same for the same step.
    """
    count, _, height, width = images.shape
    if "flips" in kinds:
        mirrored = torch.from_numpy(rng.random(count) < 0.5).to(images.device)
        images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    if "shifts" in kinds:
        down, right = (rng.integers(-(n // REACH), n // REACH + 1, (count, 1)) for n in (height, width))
        rows = torch.from_numpy(np.clip(np.arange(height) + down, 0, height - 1)).to(images.device)
        columns = torch.from_numpy(np.clip(np.arange(width) + right, 0, width - 1)).to(images.device)
        each = torch.arange(count, device=images.device)[:, None, None]
        images = images[each, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    return images


class Feed:
    """Batches of a dataset, in an order that the seed and the epoch decide.

    `needs` names what a batch carries beside images (objectives.terms.NEEDS); `targets` (N, T) are those of the dataset's
    images, and up to `changed` factors differ in a pair. Of a `team`, each process gets its part of every batch. Raises
    BadConfig when the dataset has no labels, factors or pairs and they are needed.
    """

    def __init__(
        self,
        data: ImageSet,
        train: np.ndarray,
        seed: int,
        device: torch.device,
        layout: torch.memory_format,
        needs: frozenset[str] = frozenset(),
        augment: str = "none",
        targets: np.ndarray | None = None,
        changed: int = 1,
        input_noise: Choice | None = None,
        team: Team = ALONE,
    ) -> None:
        self.team = team
        self.train, self.seed, self.device, self.layout, self.needs = train, seed, device, layout, needs
        self.augment = augment
        self.input_noise = None if input_noise is None or input_noise.name == NONE else input_noise
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
        self.targets = self._resident(targets, "targets", np.float32)
        self.pairs, self.changed = pairs_of(data, train) if "pair" in needs else None, changed

    def _resident(self, array: np.ndarray | None, name: str, dtype: type) -> Tensor | None:
        if array is None or name not in self.needs:
            return None
        return torch.from_numpy(np.ascontiguousarray(array, dtype)).to(self.images.device)

    def shuffled(self, epoch: int) -> Tensor:
        """The training images' numbers in the order of an epoch, where the images are."""
        rng = np.random.default_rng((self.seed, epoch))
        return torch.from_numpy(rng.permutation(self.train)).to(self.images.device)

    def floats(self, index: Tensor, step: int | None = None) -> Tensor:
        """Images by number -> (B, C, H, W) floats in [0, 1] on the device; of a `step`, flipped and shifted as asked."""
        return self._prepared(self.images.index_select(0, index.to(self.images.device)), step)

    def _prepared(self, images: Tensor, step: int | None) -> Tensor:
        """uint8 (B, C, H, W) as floats on the device. Images of one step are all augmented alike."""
        x = images.to(self.device)
        if step is not None and self.augment != "none":
            x = augmented(x, self.augment, np.random.default_rng((self.seed, AUGMENT_STREAM, step)))
        return (x / 255).contiguous(memory_format=self.layout)

    def noisy(self, images: Tensor, index: Tensor, step: int | None = None) -> Tensor | None:
        """The images (B, C, H, W) numbered `index` with the noise on the input, of a `step` or fixed; None without noise."""
        if self.input_noise is None:
            return None
        # drawn for the step, so a run that was interrupted draws the same
        seed = (self.seed, FIXED_STREAM, int(index[0])) if step is None else (self.seed, NOISE_STREAM, step)
        entry, params = NOISES[self.input_noise.name], self.input_noise.params
        found = noisy(images, entry, params, np.random.default_rng(seed))
        return found.contiguous(memory_format=self.layout)

    def batch(self, index: Tensor, generator: torch.Generator, step: int | None = None) -> Batch:
        """What is learned from, or looked at, of the images `index` (B,). A `step` of learning augments them.

        A second image is drawn from the training images, or differs in few factors, and is then augmented as the first is.
        """
        there = index.to(self.images.device)
        second = None
        if "second" in self.needs:
            places = torch.randint(len(self.train), (len(index),), generator=generator, device=self.device)
            second = self.floats(torch.from_numpy(self.train)[places.cpu()])
        if self.pairs is not None:
            seed = torch.randint(2**62, (), generator=generator, device=self.device)
            beside = self.pairs.beside(index.cpu().numpy(), self.changed, np.random.default_rng(int(seed)))
            second = self._prepared(torch.from_numpy(beside), step)
        part = self.team.part(len(index))
        # what is drawn for a batch is drawn for the whole of it
        whole = part is None or self.augment != "none" or self.input_noise is not None
        images = self.floats(index if part is None or whole else part.of(index), step)
        noisy = self.noisy(images, index, step)
        return Batch(
            self._own(images, part) if whole else images,
            generator,
            None if self.labels is None else self.labels[there].to(self.device),
            None if self.factors is None else self.factors[there].to(self.device),
            None if second is None else self._own(second, part),
            None if self.targets is None else self.targets[there].to(self.device),
            None if noisy is None else self._own(noisy, part),
            part,
        )

    def _own(self, images: Tensor, part: Part | None) -> Tensor:
        return images if part is None else part.of(images).contiguous(memory_format=self.layout)
