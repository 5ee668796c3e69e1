"""A trained model ready to use: load it, encode and decode, keep its codes. Arrays in, arrays out."""

from vae_core.inference.codes import Codes, Rows
from vae_core.inference.model import LoadedModel, load, load_run
from vae_core.inference.stored import (
    StoredCodes,
    codes_bytes,
    codes_path,
    compute_codes,
    encode_images,
    stored_codes,
)

__all__ = [
    "Codes", "LoadedModel", "Rows", "StoredCodes", "codes_bytes", "codes_path", "compute_codes", "encode_images", "load",
    "load_run", "stored_codes",
]  # fmt: skip
