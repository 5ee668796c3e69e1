# How this run was made, from the top of the repository; assets/pretrained/make runs all recipes in a home of their own.
vae-core train --name new-digits-dial --dataset digits --side 32 --model conv --width 16 --units 64 --latent-dim 8 --likelihood bernoulli --objective multi_rate --epochs 60
vae-core export new-digits-dial --to assets/pretrained/digits-dial --shipped
