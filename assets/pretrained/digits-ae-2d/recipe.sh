# How this run was made, from the top of the repository; assets/pretrained/make runs all recipes in a home of their own.
# Beside digits-vae-2d: equal but for the objective, so that its holes, or the lack of them, are what the objective makes.
vae-core train --name new-digits-ae-2d --group "comparison digits-2d" --dataset digits --side 32 --model conv --width 16 --units 64 --latent-dim 2 --likelihood bernoulli --batch-size 32 --epochs 80 --threads 1 --objective autoencoder
vae-core export new-digits-ae-2d --to assets/pretrained/digits-ae-2d --shipped
