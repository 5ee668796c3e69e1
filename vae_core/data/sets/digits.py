"""Images that come with an installed package."""

from __future__ import annotations

import numpy as np
from PIL import Image

from vae_core.data.imageset import Chunk, Progress, Source
from vae_core.places import Places


def build(side: int, places: Places, progress: Progress) -> Source:
    """scikit-learn's 1,797 handwritten digits (Alpaydin & Kaynak 1998), 8×8 in 17 greys, enlarged.

    Cubic enlargement, since the strokes' edges are already smooth in the originals.
    """
    from sklearn.datasets import load_digits  # takes a second to import

    digits = load_digits()
    grey = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    enlarged = [Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC) for image in grey]
    images = np.stack([np.asarray(image) for image in enlarged])[:, None]
    chunk = Chunk(images, digits.target)
    return Source(len(images), 1, [chunk], label_names=tuple("0123456789"))
