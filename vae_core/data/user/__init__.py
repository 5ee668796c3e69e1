"""A person's own images, in two steps: `inspect` shows what is there, `accept` brings it into the one form.

    plan = inspect("holiday.zip")            # count, sizes, classes, notes, samples; nothing is written
    preview(plan, 64, fit="crop")            # the samples as they would be, (n, C, 64, 64)
    accept(plan, "holiday", places, side=64) # whole or not at all

Or from images that are in the one form already: `dataset_of_images` makes a dataset of some of another's.

A source is a folder or .zip of image files (train, val and test folders become splits, class folders labels; see
folders.py), or an array in a .npy or .npz (see arrays.py). Nothing is ever unpickled or unpacked to disk.
"""

from __future__ import annotations

from vae_core.data.user.budgets import Budgets
from vae_core.data.user.choices import COLOURS, SIDES, SPLITS, ImportChoices
from vae_core.data.user.crop import FITS, crop_box, to_square
from vae_core.data.user.ground import GROUNDS
from vae_core.data.user.importing import accept, remove
from vae_core.data.user.plan import ImportPlan, Sample, inspect, preview
from vae_core.data.user.scale import SCALES
from vae_core.data.user.selection import dataset_of_images

__all__ = [
    "COLOURS",
    "FITS",
    "GROUNDS",
    "SCALES",
    "SIDES",
    "SPLITS",
    "Budgets",
    "ImportChoices",
    "ImportPlan",
    "Sample",
    "accept",
    "crop_box",
    "dataset_of_images",
    "inspect",
    "preview",
    "remove",
    "to_square",
]
