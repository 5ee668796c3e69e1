# How this run was made, from the top of the repository; assets/pretrained/make runs all recipes in a home of their own.
vae-core train --name new-faces --dataset faces --model conv --latent-dim 12 --likelihood bernoulli --objective beta_vae --beta 1.5 --epochs 40
vae-core export new-faces --to assets/pretrained/faces --shipped
