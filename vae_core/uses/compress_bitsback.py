"""Bits-back coding as a lesson: how a code that is drawn at random costs no more than its rate.

To write a code z of an image with all the digits of a float would cost far more than KL(q‖p). But the choice of z among all that
q(z|x) allows is free, so it can be made by bits of another message, which whoever reads gets back (Hinton and van Camp 1993;
Townsend, Bird and Barber 2019). Net an image's code costs −log₂ p(z) + log₂ q(z|x), on average the rate. To get those bits back
one must know x exactly, so the rest of the image has to be written too: that is why this is a lesson and no format here.
"""

from __future__ import annotations

import numpy as np

from vae_core.uses.compress_file import coder

REACH = 9.0  # standard deviations of the prior that the grid spans
FINE = 4.0  # steps of the grid in the narrowest posterior
MOST = 2**15  # steps on either side of 0


def bits_back(mean: np.ndarray, std: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Net bits that each image's code (N, D) takes in a message of an asymmetric numeral system (Duda 2009), (N,).

    mean, std (N, D) of the posteriors, against the prior N(0, I), both on one fine grid. Raises MissingPackage.
    """
    stream = coder()
    model = stream.model
    dims = mean.shape[1]
    fine = max(REACH / MOST, float(np.quantile(std, 0.01)) / FINE)
    reach = int(np.ceil(REACH / fine))
    posterior = model.QuantizedGaussian(-reach, reach)
    prior = model.QuantizedGaussian(-reach, reach, 0.0, 1.0 / fine)
    found = np.zeros(len(mean))
    for i in range(len(mean)):
        # each has fresh bits of another message: those that an image leaves are as random only where the codes follow the prior
        spare = rng.integers(1, 2**32, 4 + dims, np.uint32)
        message = stream.stack.AnsCoder(spare)
        before = message.num_valid_bits()
        z = message.decode(posterior, mean[i].astype(np.float64) / fine, std[i].astype(np.float64) / fine)
        message.encode_reverse(z, prior)
        found[i] = message.num_valid_bits() - before
    return found
