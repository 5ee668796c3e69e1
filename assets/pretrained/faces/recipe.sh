# How this run was made, from the top of the repository; assets/pretrained/make runs all recipes in a home of their own.
# Guided: each attribute of the faces is tied to a dimension by name. faces-unsupervised is the same without.
vae-core train --name new-faces --dataset faces --model conv --latent-dim 10 --likelihood gaussian_optimal --objective guided --beta 3 --guidance 2000 --attributes smile glasses hair_colour hair_length eyes gaze beard skin face_width background --batch-size 32 --epochs 20 --threads 1
vae-core export new-faces --to assets/pretrained/faces --shipped
