"""The face of Latent Explorer: Streamlit pages over vae_core."""
