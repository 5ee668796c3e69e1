"""Numbers that say how good a model is."""

from vae_core.evaluation.metrics.aam import aam
from vae_core.evaluation.metrics.beta_vae import beta_vae
from vae_core.evaluation.metrics.dci import dci
from vae_core.evaluation.metrics.factor_vae import factor_vae
from vae_core.evaluation.metrics.mig import mig
from vae_core.evaluation.metrics.modularity import modularity
from vae_core.evaluation.metrics.sap import sap

__all__ = ["aam", "beta_vae", "dci", "factor_vae", "mig", "modularity", "sap"]
