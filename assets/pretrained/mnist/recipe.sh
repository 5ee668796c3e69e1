# How this run was made, from the top of the repository; assets/pretrained/make runs all recipes in a home of their own.
vae-core train --name new-mnist --dataset mnist --model conv --latent-dim 10 --likelihood bernoulli --epochs 12
vae-core export new-mnist --to assets/pretrained/mnist --shipped
