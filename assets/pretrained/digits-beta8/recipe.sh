# How this run was made, from the top of the repository; assets/pretrained/make runs all recipes in a home of their own.
vae-core train --name new-digits-beta8 --group digits-beta --dataset digits --side 32 --model conv --width 16 --units 64 --latent-dim 8 --likelihood bernoulli --objective beta_vae --beta 8 --epochs 60
vae-core export new-digits-beta8 --to assets/pretrained/digits-beta8 --shipped
