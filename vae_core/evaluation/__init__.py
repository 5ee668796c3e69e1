"""Numbers that say how good a model is. Each metric is a function of arrays and knows no model class."""

from vae_core.evaluation.disentanglement import (
    aam,
    beta_vae,
    dci,
    factor_vae,
    mig,
    modularity,
    sap,
)

__all__ = ["aam", "beta_vae", "dci", "factor_vae", "mig", "modularity", "sap"]
