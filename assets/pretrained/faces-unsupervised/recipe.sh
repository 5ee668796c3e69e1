# How this run was made, from the top of the repository; assets/pretrained/make runs all recipes in a home of their own.
# Of the first version of the faces, without labels: no slider means one thing. The run faces is guided by the attributes.
vae-core train --name new-faces-unsupervised --dataset faces_1 --model conv --latent-dim 12 --likelihood bernoulli --objective beta_vae --beta 1.5 --epochs 40
vae-core export new-faces-unsupervised --to assets/pretrained/faces-unsupervised --shipped
