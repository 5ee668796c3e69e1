"""What is seen of the latent space: maps, sliders and paths."""

from vae_core.glossary.entry import Entry

_S = "Its latent space"
_VK = "Venna & Kaski 2001"

SPACES = (
    Entry("latent space", "The space of all codes. Codes that lie near each other give pictures that look alike.", _S, "", r"\mathbb{R}^D"),
    Entry("aggregate posterior", "The codes of all images together. Where it is like the prior, samples from the prior are codes that the decoder knows.", _S, r"q(z)", r"q(z) = \frac{1}{N} \sum_n q(z|x_n)", "", "Hoffman & Johnson 2016, ELBO surgery"),
    Entry("holes", "The share of prior samples that lie in no image's neighbourhood: the decoder was hardly trained there.", _S, "", "", "share of prior samples", "after Rezende & Viola 2018; interval: Wilson 1927"),
    Entry("anomaly score", "How unlikely the model finds an image, −ELBO with one sample of its posterior. The unusual ones score highest.", _S, "", r"-\log p(x|z) + \mathrm{KL}, \; z \sim q(z|x)", "nats per image", "An & Cho 2015"),
    Entry("traversal", "Pictures along one dimension while all others stay as they are.", _S, "", "", "", "Higgins et al. 2017", ("traversals",)),
    Entry("percentile", "Of codes of real images, how many lie nearer to the middle than this one (Mahalanobis distance). Near 100 the decoder was hardly trained there.", _S, "", r"\sqrt{(z - m)^T C^{-1} (z - m)}", "%", "Mahalanobis 1936"),
    Entry("nearest", "The image whose code lies closest to this one. At a large distance the picture is one of the decoder's own, far from what it learned from.", _S, "", r"\min_n \|z - \mu(x_n)\|", "code units", "", ("nearest image", "nearest in latent space")),
    Entry("uncertainty", "How much the picture varies over codes drawn from the image's posterior: standard deviation per pixel.", _S, "", r"\sqrt{\operatorname{Var}_{z \sim q(z|x)} \hat{x}(z)}", "of a pixel's range"),
    Entry("1st to 99th percentile", "Where the scale of colours ends: one image in a hundred lies below its lower end and one above its upper, so that a few outliers do not take all colours.", _S),
    Entry("PCA", "Principal components: the two directions along which codes vary most, as a flat map.", _S, "", r"(z - m) A^T", "code units", "Pearson 1901", ("first component", "second component", "explained", "component")),
    Entry("UMAP", "A map that keeps near codes near; distances between far groups mean little.", _S, "", "", "", "McInnes, Healy & Melville 2018"),
    Entry("axis", "A direction of one's own: from one group or image to another, and the widest direction across it.", _S, "", r"m_b - m_a"),
    Entry("trustworthiness", "Of the neighbours that a map shows, how many are neighbours among the codes too: 1 when all are.", _S, "", r"1 - \frac{2}{nk(2n - 3k - 1)} \sum_i \sum_{j \in U_k(i)} (r(i, j) - k)", "score, 0 to 1", f"{_VK}, eq. 1"),
    Entry("continuity", "Of the neighbours among the codes, how many are neighbours on the map too: 1 when all are.", _S, "", r"1 - \frac{2}{nk(2n - 3k - 1)} \sum_i \sum_{j \in V_k(i)} (\hat{r}(i, j) - k)", "score, 0 to 1", _VK),
    Entry("shared neighbours", "The share of an image's nearest codes that are among its nearest on the map as well.", _S, "", r"\frac{|N_k(i) ∩ \hat{N}_k(i)|}{k}", "share", "", ("overlap",)),
    Entry("geodesic", "The path along which the picture changes least on its way, rather than the straight line.", _S, "", r"\min \int \|\frac{d}{dt} \hat{x}(z(t))\|^2 dt", "", "Arvanitidis, Hansen & Hauberg 2018; Shao et al. 2018"),
    Entry("linear path", "The straight line between two codes.", _S, "", r"(1-t) z_a + t z_b", "", "", ("linear",)),
    Entry("spherical path", "The great arc between two codes: it keeps their distance from the middle, where samples of the prior lie.", _S, "", r"\frac{\sin((1-t)\omega)}{\sin \omega} z_a + \frac{\sin(t \omega)}{\sin \omega} z_b", "", "White 2016, Sampling Generative Networks", ("spherical", "great arc")),
    Entry("image change", "How fast the decoded picture changes along a path; where it peaks, one thing becomes another.", _S, "", r"\frac{\|\hat{x}_{i+1} - \hat{x}_i\|}{t_{i+1} - t_i}", "pixels per unit of path", "", ("change",)),
    Entry("image length", "How much the decoded picture changes along the whole path.", _S, "", r"\sum_i \|\hat{x}_{i+1} - \hat{x}_i\|", "pixels", "Shao et al. 2018", ("length",)),
    Entry("energy", "What a geodesic makes small: the squared changes of the picture along the path.", _S, "", r"\sum_i \frac{\|\hat{x}_{i+1} - \hat{x}_i\|^2}{\Delta t}", "squared pixels", "Shao et al. 2018, eq. 2"),
    Entry("distance to real codes", "How far a code lies from the nearest code of an image. Far away the decoder draws what it never learned from.", _S, "", r"\min_n \|z - \mu(x_n)\|", "code units", "", ("distance to the nearest real code", "farthest from real codes", "support")),
    Entry("probe", "A small classifier on codes: what it says of the codes along a path shows where a class begins.", _S, "", r"p(y|z) \propto \exp(w_y \cdot z + b_y)", "", "Alain & Bengio 2017"),
    Entry("probability", "What the probe says: how likely a code is of a class.", _S, "", r"p(y|z)", "share", ""),
    Entry("attribute direction", "A direction of the latent space along which one attribute changes: from the mean code of images without it to that of images with it.", _S, "", r"\bar{\mu}_{\text{with}} - \bar{\mu}_{\text{without}}", "code units", "Larsen et al. 2016, section 4.1.1", ("direction",)),
    Entry("share", "Of all that this slider changes from its 5th to its 95th percentile, how much is the attribute it changes most. A small regressor reads the attributes off the pictures, in standard deviations. 100 % is a slider that means one thing.", _S, "", r"\frac{|c_k|}{\sum_j |c_j|}", "share", "own definition"),
    Entry("temperature", "How far random codes reach: below 1 they lie nearer to the middle, with safer pictures and less variety.", _S, "", r"z = \text{temperature} \cdot \varepsilon", "", ""),
    Entry("mixture", "Gaussians fitted to the codes of training images, from which new codes are drawn.", _S, "", r"\sum_k w_k \, \mathcal{N}(m_k, C_k)", "", "Ghosh et al. 2020, section 4", ("mixture of Gaussians",)),
)  # fmt: skip
