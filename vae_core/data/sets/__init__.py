"""The built-in image sets, one file per set or family; vae_core.data.registry lists them."""
