# How this run was made, from the top of the repository; assets/pretrained/make runs all recipes in a home of their own.
vae-core train --name new-shapes --dataset shapes --model conv --latent-dim 8 --likelihood bernoulli --objective beta_vae --beta 4 --learning-rate 0.001 --epochs 40
vae-core export new-shapes --to assets/pretrained/shapes --shipped
