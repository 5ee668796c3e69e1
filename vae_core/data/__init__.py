"""Images to learn from: every source ends as one memory-mapped uint8 form (see imageset.py)."""

from vae_core.data.imageset import ImageSet
from vae_core.data.registry import DATASETS, DatasetSpec, find_spec, list_specs, open_images
from vae_core.data.splits import Splits

__all__ = ["DATASETS", "DatasetSpec", "ImageSet", "Splits", "find_spec", "list_specs", "open_images"]
