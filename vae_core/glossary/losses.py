"""What a loss consists of: terms and the coefficients that weigh them."""

from vae_core.glossary.entry import Entry

_L = "Its loss"
_VAE = "Kingma & Welling 2014, Auto-Encoding Variational Bayes"
_ALEMI = "Alemi et al. 2018, Fixing a Broken ELBO"
_TC = "Chen et al. 2018, Isolating Sources of Disentanglement, eq. 2"
_GAN = "Goodfellow et al. 2014"
_NATS, _PER = "nats per image", "loss per image"

LOSSES = (
    Entry("loss", "What is minimised: the sum of the objective's terms, each with its weight. Losses of different objectives are different quantities.", _L, r"\mathcal{L}", r"\mathcal{L} = \sum_i w_i \,\text{term}_i", _NATS, "", ("objective", "parts of the loss", "the loss's one term")),
    Entry("ELBO", "A lower bound on the log-likelihood of an image: −(distortion + rate), nats. Higher is better.", _L, r"\mathrm{ELBO}", r"\mathbb{E}_q \log p(x|z) - \mathrm{KL}[q(z|x) \,\|\, p(z)] \le \log p(x)", _NATS, f"{_VAE}, eq. 3", ("−ELBO", "evidence lower bound")),
    Entry("importance-weighted bound", "A tighter lower bound on the log-likelihood, from many codes of one image.", _L, r"\mathcal{L}_k", r"\mathbb{E} \log \frac{1}{k} \sum_i \frac{p(x, z_i)}{q(z_i|x)}", _NATS, "Burda et al. 2016, eq. 8", ("bound", "L_S")),
    Entry("distortion", "What is lost when an image is drawn again from its code: −log p(x|z), nats per image. Lower is closer.", _L, "D", r"-\mathbb{E}_q \log p(x|z)", _NATS, f"{_ALEMI}, section 2", ("distortion (reconstruction)", "R-D distortion")),
    Entry("reconstruction error", "What is lost when an image is drawn again from its code: −log p(x|z), nats. Lower is closer.", _L, "", r"-\log p(x|z), \; z = \mu(x)", _NATS, _VAE, ("error of an image",)),
    Entry("rate", "What the codes tell about the images: KL divergence of the posterior from the prior, nats per image.", _L, "R", r"\mathrm{KL}[q(z|x) \,\|\, p(z)]", _NATS, f"{_ALEMI}, section 2", ("rate (KL)", "total KL")),
    Entry("KL", "Kullback–Leibler divergence: how far a posterior lies from the prior, in nats. Per dimension, how much that dimension tells about an image.", _L, r"\mathrm{KL}", r"\mathrm{KL}[q(z_d|x) \,\|\, \mathcal{N}(0,1)] = \tfrac{1}{2} (\mu^2 + \sigma^2 - \log \sigma^2 - 1)", "nats", f"{_VAE}, appendix B", ("KL per dimension", "KL divergence", "KL, nats")),
    Entry("β", "How much the rate counts against the distortion while the model learns. A larger β gives simpler codes and blurrier pictures.", _L, r"\beta", r"\text{distortion} + \beta \cdot \text{rate}", "", "Higgins et al. 2017, β-VAE, eq. 4", ("live β", "β here")),
    Entry("KL weight", "How another project weighs the KL in its own units: of pixels' means, or per dimension. β is the same in nats per image.", _L, "", "", "", "", ("their KL weight", "weight")),
    Entry("capacity", "The rate that is asked for now: it grows while the run learns.", _L, "C", r"\gamma \, |\mathrm{KL} - C|", "nats", "Burgess et al. 2018, Understanding disentangling in β-VAE, eq. 8", ("C", "|rate − C|", "distance to the capacity")),
    Entry("γ", "The weight of a distance: to the capacity, to the attributes, or of the R1 penalty.", _L, r"\gamma", "", "", "Burgess et al. 2018, eq. 8; Locatello et al. 2020, eq. 2; Mescheder et al. 2018, eq. 9"),
    Entry("λ", "The weight of the game against the discriminator while a VAE is sharpened.", _L, r"\lambda", "", "", "Larsen et al. 2016", ("realism",)),
    Entry("mutual information (MI)", "How much a code tells which image it is of: the part of the rate that is information.", _L, r"I_q(z; n)", r"\mathrm{KL}[q(z, n) \,\|\, q(z) p(n)]", _NATS, _TC, ("MI", "mutual information")),
    Entry("total correlation (TC)", "How much the dimensions of all codes depend on each other: 0 when they are independent.", _L, r"\mathrm{TC}", r"\mathrm{KL}[q(z) \,\|\, \prod_d q(z_d)]", _NATS, _TC, ("TC", "total correlation")),
    Entry("dimension-wise KL", "How far each dimension of all codes together lies from its prior.", _L, "", r"\sum_d \mathrm{KL}[q(z_d) \,\|\, p(z_d)]", _NATS, _TC, ("KL by dim.",)),
    Entry("weighted distortion", "The distortion as a β dial weighs it, so that no β drowns the others.", _L, "", r"\mathbb{E}_\beta \frac{\text{distortion}}{(1+\beta)^{1/4}}", _NATS, "Bae et al. 2023, Multi-Rate VAE", ("distortion / ∜(1 + β)", "D/∜(1+β)")),
    Entry("weighted rate", "The rate as a β dial weighs it, so that no β drowns the others.", _L, "", r"\mathbb{E}_\beta \frac{\beta \cdot \text{rate}}{(1+\beta)^{1/4}}", _NATS, "Bae et al. 2023, Multi-Rate VAE", ("β · rate / ∜(1 + β)", "β·R/∜(1+β)", "β·rate")),
    Entry("dimensions that differ", "In how many dimensions the two images of a pair were found to differ.", _L, "", r"\#\{d : \mathrm{KL}[q(z_d|x_1) \,\|\, q(z_d|x_2)] > \tau\}", "dimensions a pair", "Locatello et al. 2020, Weakly-Supervised Disentanglement Without Compromises, section 4", ("differing",)),
    Entry("distance to the attributes", "How far the guided dimensions lie from the attributes they are tied to.", _L, "", r"\tfrac{1}{2} \sum_k (\mu_k - s_k)^2", _NATS, "Locatello et al. 2020, Few Labels, eq. 2", ("guidance",)),
    Entry("generator loss", "How well the discriminator still tells drawn images: the generator makes it small.", _L, "", r"-\log D(G(z))", _PER, f"{_GAN}, section 3; hinge: Miyato et al. 2018, eq. 17", ("generator",)),
    Entry("discriminator loss", "How badly the discriminator tells real images from drawn ones: it makes it small.", _L, "", r"-\log D(x) - \log(1 - D(G(z)))", _PER, f"{_GAN}, eq. 1; hinge: Miyato et al. 2018, eq. 16", ("discriminator", "discrim.")),
    Entry("R1 penalty", "Keeps the discriminator flat around real images, so that the game does not run away.", _L, "", r"\frac{\gamma}{2} \|\nabla_x d(x)\|^2", _PER, "Mescheder et al. 2018, eq. 9", ("R1", "penalty")),
    Entry("D of real images", "How real the discriminator takes real images to be; 0.5 when it cannot tell.", _L, r"D(x)", r"\operatorname{mean} D(x)", "share judged real", _GAN, ("D(real)",)),
    Entry("D of made images", "How real the discriminator takes drawn images to be; 0.5 when it cannot tell.", _L, r"D(G(z))", r"\operatorname{mean} D(G(z))", "share judged real", _GAN, ("D(made)",)),
    Entry("gradient norm", "How strongly a network is pushed in this step; one that vanishes or explodes is a warning.", _L, "", r"\|\nabla_\theta \mathcal{L}\|", "gradient norm", "", ("generator's gradient", "discriminator's gradient", "‖∇G‖", "‖∇D‖")),
    Entry("spread of made images", "How much drawn images differ from each other: near 0 the generator draws one picture.", _L, "", r"\sqrt{\operatorname{mean} (G(z) - \operatorname{mean} G(z))^2}", "pixel value", "", ("spread",)),
    Entry("feature error", "How far a picture and its image are apart inside the discriminator.", _L, "", r"\frac{\operatorname{mean} (\varphi(\hat{x}) - \varphi(x))^2}{\operatorname{mean} \varphi(x)^2}", _PER, "Larsen et al. 2016, section 2.3", ("features",)),
    Entry("pixel error", "The squared error of rebuilt images over that of the VAE that was sharpened: 1 is as close as before.", _L, "", r"\frac{\operatorname{mean} (\hat{x} - x)^2}{\operatorname{mean} (\hat{x}_\mathrm{VAE} - x)^2}", "the VAE's own = 1", "", ("pixels", "pixel error, the VAE's own = 1")),
    Entry("active", "A dimension is active when images differ along it: the variance of its posterior mean over the images exceeds 0.01.", _L, "", r"\#\{d : \operatorname{Var}_x \mu_d(x) > 0.01\}", "dimensions", "Burda et al. 2016, section 5.2", ("Active dimensions", "active units")),
    Entry("collapsed", "A dimension is collapsed when its posterior is the prior for every image: it tells nothing, and moving along it hardly changes the picture.", _L, "", r"\mathrm{KL}_d \le 0.01", "", "Bowman et al. 2016", ("posterior collapse",)),
    Entry("MSE", "Mean squared error of a rebuilt image, per pixel and channel, pixels in [0, 1].", _L, "", r"\operatorname{mean} (\hat{x} - x)^2", "per pixel and channel", "", ("mse", "mean squared error")),
)  # fmt: skip
