"""Colours and figures. No streamlit, no torch."""
