"""Numbers of the uses: each stands beside what does the same without a VAE."""

from vae_core.glossary.entry import Entry

_U = "Uses"

USES = (
    Entry("PSNR", "Peak signal-to-noise ratio: how close two images are, pixel by pixel. 1 dB is a fifth of the error.", _U, "", r"-10 \log_{10} \operatorname{mean} (\hat{x} - x)^2", "dB", ""),
    Entry("SSIM", "Structural similarity: 1 is equal, 0 is nothing in common; it looks at small windows, as an eye does.", _U, "", r"\frac{(2\mu_x\mu_y + c_1)(2\sigma_{xy} + c_2)}{(\mu_x^2 + \mu_y^2 + c_1)(\sigma_x^2 + \sigma_y^2 + c_2)}", "score, −1 to 1", "Wang et al. 2004, eq. 13"),
    Entry("gain", "What a method has over what does the same without it, image by image; below 0 it loses.", _U, "", r"m - m_{\text{baseline}}", "as the number itself", ""),
    Entry("gain over crops", "Accuracy above that with the better of crops, and flips and crops.", _U, "", r"a - a_{\text{crops}}", "share of test images", ""),
    Entry("accuracy", "Share of test images that get their own label.", _U, "", r"\frac{1}{N} \#\{n : \hat{y}_n = y_n\}", "share of test images", "", ("Probe accuracy",)),
    Entry("AUROC", "Chance that an odd image scores above a usual one: 0.5 is a coin, 1 tells all apart.", _U, "", r"P(s_{\text{odd}} > s_{\text{usual}})", "chance, 0 to 1", "Hanley & McNeil 1982"),
    Entry("average precision", "Mean precision over all thresholds; a coin has the share of odd images.", _U, "", r"\sum_n (R_n - R_{n-1}) P_n", "score, 0 to 1", "Davis & Goadrich 2006"),
    Entry("kept class", "Share of made images that a classifier of all training labels puts into the class they were made of.", _U, "", r"\frac{1}{N} \#\{n : \hat{y}_n = y_n\}", "share of made images", ""),
    Entry("bytes", "What an image takes on disk: the size of the file over its images, headers counted.", _U, "", r"\frac{\text{size of the file}}{\text{images}}", "bytes per image", ""),
    Entry("share of PCA's bytes", "Bytes of the VAE's file over those of PCA's of equal PSNR, through the same coder.", _U, "", r"\frac{b_{\text{VAE}}}{b_{\text{PCA}}}", "share", ""),
    Entry("bits", "What an ideal coder would pay for a code: the rate in bits.", _U, "", r"\frac{\mathrm{KL}[q(z|x) \,\|\, p(z)]}{\ln 2}", "bits per image", "Hinton & van Camp 1993; Townsend et al. 2019"),
    Entry("decoder size", "What must be there to open a file: the decoder's weights, or PCA's mean and components.", _U, "", "", "bytes", ""),
    Entry("distance", "How far an image is from the nearest training image: root mean square difference of pixels.", _U, "", r"\min_n \sqrt{\operatorname{mean} (x - x_n)^2}", "of a pixel's range", ""),
    Entry("copies", "Share nearer to a training image than the nearest 5 % of real test images are: 0.05 is chance.", _U, "", "", "share of drawn images", "after Meehan et al. 2020"),
    Entry("copies, blur allowed", "The same against reconstructions of test images, which are as blurred as what is drawn and cannot be copies.", _U, "", "", "share of drawn images", "", ("blur allowed",)),
    Entry("right class", "Share of images that a small classifier names as the class they were asked for.", _U, "", r"\frac{1}{N} \#\{n : \hat{y}_n = y_n\}", "share of drawn images", ""),
    Entry("combination", "Share of images in which a small classifier finds both values of the combination that was left out.", _U, "", "", "share of drawn images", ""),
    Entry("error", "Root mean square difference of pixels to the real images.", _U, "", r"\sqrt{\operatorname{mean} (\hat{x} - x)^2}", "of a pixel's range", ""),
    Entry("noise level", "How much noise is put on an image before it is taken off again.", _U, r"\sigma", r"x + \sigma \varepsilon", "of a pixel's range", "Vincent et al. 2008", ("level",)),
    Entry("baseline", "What does the same without a VAE: a use is worth something where the VAE wins against it.", _U),
)  # fmt: skip
