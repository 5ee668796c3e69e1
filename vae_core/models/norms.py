"""What residual networks are made with, also where torch is not wanted: the browser's form of a network is made without it."""

from __future__ import annotations

NORM_EPSILON = 1e-5  # added to the variance by a group normalisation
# 3 taps on a picture enlarged twice as the 4 of a transposed convolution, rows and columns alike: even outputs take w[0]
# of the pixel before and w[1] + w[2] of their own, odd ones w[0] + w[1] of their own and w[2] of the next
SPREAD = ((0.0, 0.0, 1.0), (0.0, 1.0, 1.0), (1.0, 1.0, 0.0), (1.0, 0.0, 0.0))


def groups_of(channels: int) -> int:
    """Groups of a group normalisation: eight channels each, as far as there are as many."""
    return max(1, channels // 8)
