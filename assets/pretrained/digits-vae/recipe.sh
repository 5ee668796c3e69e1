# How this run was made, from the top of the repository; assets/pretrained/make runs all recipes in a home of their own.
# Beside digits-ae and digits-gan: the same images, networks, D and epochs; batches, rate and its schedule are each objective's own.
vae-core train --name new-digits-vae --group "comparison digits-side-by-side" --dataset digits --side 32 --model conv --width 24 --units 64 --latent-dim 16 --likelihood bernoulli --epochs 120 --threads 1 --objective vae
vae-core export new-digits-vae --to assets/pretrained/digits-vae --shipped
