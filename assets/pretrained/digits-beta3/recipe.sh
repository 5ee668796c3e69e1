# How this run was made, from the top of the repository; assets/pretrained/make runs all recipes in a home of their own.
vae-core train --name new-digits-beta3 --group digits-beta --dataset digits --side 32 --model conv --width 16 --units 64 --latent-dim 8 --likelihood bernoulli --objective beta_vae --beta 3 --epochs 60
vae-core export new-digits-beta3 --to assets/pretrained/digits-beta3 --shipped
