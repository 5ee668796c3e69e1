# How this run was made, from the top of the repository; assets/pretrained/make runs all recipes in a home of their own.
vae-core train --name new-digits --dataset digits --side 32 --model conv --latent-dim 2 --likelihood bernoulli --epochs 80
vae-core export new-digits --to assets/pretrained/digits --shipped
