# How this run was made, from the top of the repository; assets/pretrained/make runs all recipes in a home of their own.
# As faces, but without labels: the same images, network and β, and its sliders do not mean one thing each.
vae-core train --name new-faces-unsupervised --dataset faces --model conv --latent-dim 10 --likelihood gaussian_optimal --objective beta_vae --beta 3 --batch-size 32 --epochs 20 --threads 1
vae-core export new-faces-unsupervised --to assets/pretrained/faces-unsupervised --shipped
