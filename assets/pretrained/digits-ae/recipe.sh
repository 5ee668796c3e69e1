# How this run was made, from the top of the repository; assets/pretrained/make runs all recipes in a home of their own.
# Beside digits-vae and digits-gan: the same images, networks, D and epochs; batches, rate and its schedule are each objective's own.
vae-core train --name new-digits-ae --group "comparison digits-side-by-side" --dataset digits --side 32 --model conv --width 24 --units 64 --latent-dim 16 --likelihood bernoulli --epochs 120 --threads 1 --objective autoencoder
vae-core export new-digits-ae --to assets/pretrained/digits-ae --shipped
