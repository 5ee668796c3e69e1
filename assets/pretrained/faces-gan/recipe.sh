# How this run was made, from the top of the repository; assets/pretrained/make runs all recipes in a home of their own.
# Beside faces-ae and faces-vae: the same images, networks, D and epochs; batches, rate and its schedule are each objective's own.
vae-core train --name new-faces-gan --group "comparison faces-side-by-side" --dataset faces --model conv --width 24 --units 128 --latent-dim 16 --likelihood gaussian_optimal --epochs 20 --threads 1 --objective gan
vae-core export new-faces-gan --to assets/pretrained/faces-gan --shipped
