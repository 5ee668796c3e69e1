"""What a VAE's decoder learns when a discriminator sharpens it: settings and terms of a VAE-GAN whose encoder stays as it is.

Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity metric": images are compared by what an inner layer
of the discriminator makes of them, and the decoder plays against that discriminator besides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from vae_core.objectives.adversarial import LOSS, TERMS, GanParams
from vae_core.objectives.terms import Coefficient, Term
from vae_core.options import option

LOSSES, SHARP = "Losses", "Sharpness"  # charts


@dataclass(frozen=True)
class VaeGanParams(GanParams):
    realism: float = option(
        5.0,
        help="weight λ of the game against what images are compared by: more is sharper and less faithful",
        minimum=0.0,
        maximum=1000.0,
        title="weight of the game λ",
    )


_GAN = {term.name: term for term in TERMS}
_SHOWN = (replace(_GAN[name], chart="") for name in ("penalty", "real_output", "made_output"))
VAE_GAN_TERMS = (
    Term("features", "distance of features", "features", "mean (φ(x̃) − φ(x))² / mean φ(x)², φ an inner layer of the discriminator", LOSS,
         help="how unlike its original a rebuilt image looks to the discriminator", chart=LOSSES),
    Term("pixels", "pixel error, the VAE's own = 1", "pixels", "mean (x̃ − x)² over the VAE's own", LOSS,
         help="squared error of rebuilt images over that of the VAE before on its training images: 1.17 is 0.7 dB worse", chart=LOSSES),
    replace(_GAN["generator"], chart=LOSSES, weight="realism", formula="−log D(x̃) − log D(G(z)), halved", help="how badly rebuilt and drawn images pass for real ones"),
    replace(_GAN["discriminator"], chart=LOSSES, help="how badly real images are told from rebuilt and drawn ones, without R1"),
    *_SHOWN,
    Term("rate", "rate (KL)", "rate", "KL[q(z|x) ‖ p(z)]", weight=None, help="how much the code says about the image: as of the VAE before"),
    Term("drawn_sharpness", "sharpness of drawn images, real = 1", "sharp z", "var ∇²G(z) / var ∇²x", "real images = 1", weight=None,
         help="how much detail images of random codes have, over real ones", chart=SHARP),
    Term("rebuilt_sharpness", "sharpness of rebuilt images, real = 1", "sharp x̃", "var ∇²x̃ / var ∇²x", "real images = 1", weight=None,
         help="how much detail rebuilt images have, over real ones", chart=SHARP),
    *(_GAN[name] for name in ("generator_norm", "discriminator_norm", "spread")),
)  # fmt: skip
COEFFICIENTS = (
    Coefficient("realism", "λ", lambda p, progress: p.realism, help="weight of the game", scheduled=False),
)
NO_ELBO = "A discriminator sharpened this decoder: no likelihood was learned by it, so its error is in no nats and there is no ELBO."
