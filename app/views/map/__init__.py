"""The latent map: page.py is its script, the other modules are the parts it puts together."""
