"""Scores: of disentanglement, of samples, of sliders."""

from vae_core.glossary.entry import Entry

_S = "Scores"
_ONE, _INFO = "score, 0 to 1", r"I(z_d; v_k)"
_MIG = "Chen et al. 2018, Isolating Sources of Disentanglement, eq. 6"
_DCI = "Eastwood & Williams 2018, section 2"
_LIB = "; estimated as in disentanglement_lib (Locatello et al. 2019)"
_MODULARITY = "Ridgeway & Mozer 2018, section 3"

SCORES = (
    Entry("disentanglement", "Whether each factor of the images has a dimension of its own. Which score is best is disputed, so several stand side by side.", _S, "", "", "", "Locatello et al. 2019"),
    Entry("factor", "One thing by which images differ and that is known of each, such as position or age.", _S, "v_k", "", "", "", ("attribute", "attributes", "factors")),
    Entry("MIG", "Mutual information gap: whether one dimension, and no second, tells a factor.", _S, "", r"\frac{1}{K} \sum_k \frac{I(z_{d_1}; v_k) - I(z_{d_2}; v_k)}{H(v_k)}", _ONE, _MIG),
    Entry("MIG (disentanglement_lib)", "The mutual information gap as most papers estimate it.", _S, "", r"\frac{1}{K} \sum_k \frac{I(z_{d_1}; v_k) - I(z_{d_2}; v_k)}{H(v_k)}", _ONE, _MIG + _LIB),
    Entry("AAM", "Axis alignment: whether a factor is told by one dimension rather than by all others together.", _S, "", r"\frac{1}{K} \sum_k \frac{\max(0, I(z_{d_1}; v_k) - \sum_{d \ne d_1} I(z_d; v_k))}{I(z_{d_1}; v_k)}", _ONE, "Dubois et al. 2019, disentangling-vae"),
    Entry("DCI disentanglement", "Whether each dimension matters for one factor only.", _S, "", r"\sum_d w_d (1 - H_K(P_d))", _ONE, _DCI),
    Entry("DCI completeness", "Whether each factor is told by one dimension only.", _S, "", r"\sum_k w_k (1 - H_D(P_k))", _ONE, _DCI),
    Entry("DCI informativeness", "How well the codes tell the factors at all: R² of trees.", _S, "", r"\operatorname{mean}_k R^2_k", _ONE, _DCI),
    Entry("DCI disentanglement (disentanglement_lib)", "Whether each dimension matters for one factor only, as most papers estimate it.", _S, "", r"\sum_d w_d (1 - H_K(P_d))", _ONE, _DCI + _LIB),
    Entry("DCI completeness (disentanglement_lib)", "Whether each factor is told by one dimension only, as most papers estimate it.", _S, "", r"\operatorname{mean}_k (1 - H_D(P_k))", _ONE, _DCI + _LIB),
    Entry("DCI informativeness (disentanglement_lib)", "How often trees name a factor right from the codes.", _S, "", r"\operatorname{mean}_k \text{accuracy}_k", "accuracy, 0 to 1", _DCI + _LIB),
    Entry("SAP", "Separated attribute predictability: how much better the best dimension predicts a factor than the second best.", _S, "", r"\frac{1}{K} \sum_k (r^2_{d_1 k} - r^2_{d_2 k})", _ONE, "Kumar et al. 2018, section 3"),
    Entry("FactorVAE score", "Whether the dimension that varies least over images of one factor's value names that factor.", _S, "", r"\text{accuracy}, \; d^* = \operatorname{argmin}_d \frac{\operatorname{Var} z_d | v_k}{\operatorname{Var} z_d}", _ONE, "Kim & Mnih 2018, section 4"),
    Entry("β-VAE score", "Whether the difference of codes of two images that share a factor's value names that factor.", _S, "", r"\text{accuracy from} \operatorname{mean} |z_1 - z_2|", _ONE, "Higgins et al. 2017, β-VAE, section 3"),
    Entry("modularity", "Whether each dimension tells about one factor and nothing about the others.", _S, "", r"1 - \frac{\sum_{k \ne k^*} I(z_d; v_k)^2}{(K-1) I(z_d; v_{k^*})^2}", _ONE, _MODULARITY),
    Entry("modularity (disentanglement_lib)", "Modularity as most papers estimate it.", _S, "", r"1 - \frac{\sum_{k \ne k^*} I(z_d; v_k)^2}{(K-1) I(z_d; v_{k^*})^2}", _ONE, _MODULARITY + _LIB),
    Entry("One thing a slider", "How much of what a slider changes is one attribute, mean over sliders that have an effect.", _S, "", r"\operatorname{mean}_d \frac{\max_k |c_{dk}|}{\sum_k |c_{dk}|}", _ONE, "own definition"),
    Entry("Attributes with a slider of their own", "The share of the attributes that are half or more of what some slider changes.", _S, "", r"\frac{1}{K} \#\{k : \text{share}_k \ge \tfrac{1}{2}\}", _ONE, "own definition"),
    Entry("sharpness", "How much fine detail pictures have: the variance of their Laplacian, over that of real images. 1 is as sharp as they are, less is blurred, more is noise.", _S, "", r"\frac{\operatorname{Var} \nabla^2 \hat{x}}{\operatorname{Var} \nabla^2 x}", "real images = 1", "Pech-Pacheco et al. 2000", ("Sharpness of samples", "sharpness of drawn images, real = 1", "sharpness of rebuilt images, real = 1", "sharp z", "sharp x̃", "sharpness of drawn images", "sharpness of rebuilt images")),
    Entry("Fréchet distance", "How far samples are from real images as a whole, by the means and covariances of features that a small network sees in them. Lower is better; it compares models of the same images alone.", _S, "", r"\|m_a - m_b\|^2 + \operatorname{tr}(C_a + C_b - 2 (C_a C_b)^{1/2})", "squared features", "Dowson & Landau 1982, eq. 6; of images: Heusel et al. 2017", ("Fréchet distance of samples",)),
    Entry("precision", "The share of samples that look like some real image: they lie as near to one as its own neighbours do.", _S, "", r"\frac{1}{|S|} \#\{s : s \in \text{manifold of real images}\}", "share of samples", "Kynkäänniemi et al. 2019, eq. 1 and 2", ("Precision of samples",)),
    Entry("recall", "The share of real images that look like some sample: how much of the data's variety a model draws.", _S, "", r"\frac{1}{|X|} \#\{x : x \in \text{manifold of samples}\}", "share of images", "Kynkäänniemi et al. 2019, eq. 1 and 2", ("Recall of samples",)),
    Entry("coverage", "Whether samples show everything the images show: the share of samples in the class that has fewest, over that class's share in the data. 1 leaves nothing out.", _S, "", r"\min_y \frac{\text{share of samples}_y}{\text{share of data}_y}", "over its share in the data", "", ("Coverage of the rarest class",)),
    Entry("Class histogram", "How far the classes of samples are from those of the data: 0 is the same shares.", _S, "", r"\sum_y s_y \log \frac{s_y}{d_y}", "nats", "Kullback & Leibler 1951"),
    Entry("off by", "How far pictures and their images are apart: root mean square difference of pixels.", _S, "", r"\sqrt{\operatorname{mean} (\hat{x} - x)^2}", "of a pixel's range", "", ("apart by",)),
)  # fmt: skip
