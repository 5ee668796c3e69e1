"""Interpolate, a page: paths through images, what can be trusted of them, and files of them."""
