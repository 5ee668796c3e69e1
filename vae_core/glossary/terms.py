"""Words of the model itself, and of training and searching."""

from vae_core.glossary.entry import Entry

_M, _T = "The model", "Training and searching"
_VAE = "Kingma & Welling 2014, Auto-Encoding Variational Bayes"

TERMS = (
    Entry("autoencoder", "A network that squeezes an image into a code and draws it again. A plain one has no posterior and no prior: its codes lie anywhere.", _M, r"", r"\hat{x} = g(f(x))", "", "Hinton & Salakhutdinov 2006"),
    Entry("VAE", "Variational autoencoder: its encoder gives a cloud of codes for each image, and all clouds together are drawn towards the prior.", _M, "", "", "", _VAE, ("variational autoencoder", "β-VAE", "VAE and β-VAE")),
    Entry("GAN", "Generative adversarial network: one network draws, another tells drawn images from real ones, and each learns from the other. It has no encoder.", _M, "", r"\min_G \max_D \mathbb{E} \log D(x) + \mathbb{E} \log(1 - D(G(z)))", "", "Goodfellow et al. 2014, eq. 1"),
    Entry("encoder", "The network that reads an image and says where its code lies.", _M, r"q(z|x)", "", "", _VAE),
    Entry("decoder", "The network that draws an image from a code.", _M, r"p(x|z)", "", "", _VAE),
    Entry("code", "The few numbers that an image is squeezed into: a point of the latent space, which the decoder turns into a picture.", _M, "z", r"z \in \mathbb{R}^D", "", _VAE, ("z", "latent code")),
    Entry("dimension", "One number of the code, z0, z1, ... What each means is not chosen but learned.", _M, "z_d", "", "", _VAE, ("latent dimension", "latent dimensions")),
    Entry("D", "How many numbers a code has.", _M, "D", "", "dimensions", "", ("latent_dim", "latent dim", "latent size")),
    Entry("posterior", "What the encoder says of one image: a mean and a spread in each dimension, q(z|x). A narrow one tells the code exactly.", _M, r"q(z|x)", r"q(z|x) = \mathcal{N}(\mu(x), \sigma(x)^2)", "", f"{_VAE}, eq. 9"),
    Entry("posterior mean", "The middle of an image's posterior: the code that is shown for it.", _M, r"\mu", "", "code units", _VAE, ("μ", "mean")),
    Entry("posterior spread", "How far an image's posterior reaches in a dimension: its standard deviation.", _M, r"\sigma", r"\sigma = \exp(\tfrac{1}{2} \log \sigma^2)", "code units", _VAE, ("σ", "posterior mean ± σ", "log variance")),
    Entry("prior", "The bell curve N(0, 1) in every dimension towards which codes are drawn. A code drawn from it gives an image that never was.", _M, r"p(z)", r"p(z) = \mathcal{N}(0, I)", "", _VAE),
    Entry("reparameterisation", "A code is drawn as mean plus spread times noise, so that the gradient reaches mean and spread.", _M, "", r"z = \mu + \sigma \odot \varepsilon, \; \varepsilon \sim \mathcal{N}(0, I)", "", f"{_VAE}, section 2.4", ("ε", "reparameterisation trick")),
    Entry("reconstruction", "An image as the decoder draws it again from its code.", _M, r"\hat{x}", r"\hat{x} = \mathbb{E}[x | z = \mu(x)]", "", _VAE),
    Entry("likelihood", "How probable an image is by the decoder: what a pixel's error costs.", _M, r"p(x|z)", "", "nats per image", f"{_VAE}, appendix C"),
    Entry("Bernoulli", "Each pixel is a coin: the cross-entropy. On grey values it is no likelihood.", _M, "", r"-\sum x \log p + (1-x) \log(1-p)", "nats per image", f"{_VAE}, eq. 11", ("Bernoulli (cross-entropy)",)),
    Entry("Gaussian", "Each pixel has a bell curve around what is drawn: the squared error. A density, so its nats may be negative.", _M, "", r"\sum \frac{(x-\mu)^2}{2\sigma^2} + \frac{n}{2} \log 2π\sigma^2", "nats per image", f"{_VAE}, eq. 12; a learned σ: Rybkin et al. 2021, eq. 4", ("Gaussian, fixed σ (squared error)", "Gaussian, σ learned (σ-VAE)")),
    Entry("Laplace", "Each pixel has a pointed curve around what is drawn: the absolute error, which forgives single wrong pixels.", _M, "", r"\sum \frac{|x-\mu|}{b} + n \log 2b", "nats per image", "", ("Laplace (absolute error)",)),
    Entry("MS-SSIM", "How alike pictures look in contrast and structure at several scales. No likelihood, so there are no nats and no ELBO.", _M, "", r"w n [a (1 - \text{MS-SSIM}) + (1-a) \operatorname{mean} |x-\mu|]", "no unit", "Wang et al. 2003; mixed: Zhao et al. 2016, section 3.4", ("MS-SSIM (structure, no likelihood)",)),
    Entry("distance of features", "How alike pictures are to a small network that first learned these images. No likelihood.", _M, "", r"w n [a \operatorname{mean} \|\varphi(x) - \varphi(\mu)\|^2 + (1-a) \operatorname{mean} |x-\mu|]", "no unit", "Zhang et al. 2018, eq. 1", ("Distance of features (no likelihood)", "distance of pictures")),
    Entry("guided", "The run was told attributes of its images while it learned, and a dimension was tied to each by name. So what its sliders mean was learned from labels, not discovered.", _M, "", "", "", "Locatello et al. 2020, Disentangling Factors of Variation Using Few Labels, eq. 2"),
    Entry("pairs", "The run saw two images at a time that differ in few attributes, and was not told which. That is how its dimensions came to mean one thing each, without labels.", _M, "", "", "", "Locatello et al. 2020, Weakly-Supervised Disentanglement Without Compromises, section 4"),
    Entry("β dial", "One network for every β from 0.1 to 10, whose layers are gated by log β: it is turned by hand.", _M, "", "", "", "Bae et al. 2023, Multi-Rate VAE", ("dial", "multi_rate")),
    Entry("nats", "Units of information, as bits are: 1 nat is 1.44 bits. Fewer nats are a shorter description.", _M, "", r"1 \,\text{nat} = \frac{1}{\ln 2} \,\text{bits}", "", "Cover & Thomas 2006, section 2.1", ("nats per image",)),
    Entry("epoch", "One pass over all training images.", _T, "", "", "epochs", "", ("epochs",)),
    Entry("step", "One change of the weights, from one batch of images.", _T, "", "", "steps", "", ("steps",)),
    Entry("images a second", "How fast it learns: the median over the run's steps, evaluation left out.", _T, "", "", "images/s", "", ("images/s", "Speed", "img/s")),
    Entry("time left", "About how long the run still takes, by how fast it went and by earlier runs on this machine.", _T, "", "", "h:mm:ss", "", ("ETA", "Training", "Seconds", "minutes")),
    Entry("learning rate", "How far the weights go in one step.", _T, r"\eta", "", "", "Kingma & Ba 2015", ("lr", "Live lr ×")),
    Entry("schedule", "How β goes while a run learns: constant, warmed up, or in cycles.", _T, "", "", "", "Fu et al. 2019", ("warm-up",)),
    Entry("free bits", "Nats that every dimension may use without paying for them, against collapse.", _T, "", r"\sum_d \max(\lambda, \mathrm{KL}_d)", "nats", "Kingma et al. 2016, eq. 15"),
    Entry("sweep", "The same model trained at several values of β, to see what each buys and costs.", _T),
    Entry("seed", "What the random numbers of a run begin with: two seeds show how much is chance.", _T, "", "", "", "", ("seeds",)),
    Entry("study", "A search over settings: each trial is a run, and its numbers say where to look next.", _T, "", "", "", "", ("trial", "trials")),
    Entry("importance", "How much of what the goal varies by is due to one setting: its share of the variance.", _T, "", r"\frac{\operatorname{Var}_s \mathbb{E}[y|s]}{\operatorname{Var} y}", "share", "Hutter, Hoos & Leyton-Brown 2014, section 3", ("share of its variance over the ranges",)),
    Entry("Pareto front", "Trials that no other beats in both goals at once.", _T),
    Entry("95 % interval", "Where the true number most likely lies: of a hundred such intervals about 95 hold it. Two that do not overlap differ by more than chance.", _T, "", r"\bar{x} \pm t \, \frac{s}{\sqrt{n}}", "", "Student 1908; of images by resampling: Efron 1979", ("interval",)),
)  # fmt: skip
