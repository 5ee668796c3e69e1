"""A model's encoder and decoder as ONNX files."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from torch import Tensor, nn

from vae_core.errors import MissingPackage
from vae_core.inference import LoadedModel
from vae_core.places import write_atomically


class _Both(nn.Module):
    """images -> mean, log_var, reconstruction from the mean; what the ONNX file computes."""

    def __init__(self, model: LoadedModel) -> None:
        super().__init__()
        self.model = model.model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        posterior = self.model.encode(images)
        return posterior.mean, posterior.log_var, self.model.decode(posterior.mean)


class _Decoder(nn.Module):
    def __init__(self, model: LoadedModel) -> None:
        super().__init__()
        self.model = model.model

    def forward(self, codes: Tensor) -> Tensor:
        return self.model.decode(codes)


def export_onnx(model: LoadedModel, target: Path) -> list[Path]:
    """Two files: TARGET-encoder.onnx (images -> mean, log_var, reconstruction), TARGET-decoder.onnx; the second alone where
    there is no encoder.

    Raises MissingPackage when onnx is not installed.
    """
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError:
        raise MissingPackage(
            "writing ONNX needs two more packages: pip install 'latent-explorer[onnx]'"
        ) from None
    stem = target.with_suffix("")
    paths = [stem.with_name(f"{stem.name}-encoder.onnx"), stem.with_name(f"{stem.name}-decoder.onnx")]
    batch = torch.export.Dim("batch", min=1)
    cpu = model.on("cpu")
    jobs: list[tuple[nn.Module, Tensor, list[str], list[str]]] = [
        (_Both(cpu), torch.zeros(2, *model.shape), ["images"], ["mean", "log_var", "reconstruction"]),
        (_Decoder(cpu), torch.zeros(2, model.latent_dim), ["codes"], ["images"]),
    ]
    if not model.has_encoder:
        paths, jobs = paths[1:], jobs[1:]
    for path, (module, example, inputs, outputs) in zip(paths, jobs, strict=True):
        buffer = io.BytesIO()
        program = torch.onnx.export(
            module.eval(), (example,), input_names=inputs, output_names=outputs, dynamo=True,
            dynamic_shapes=({0: batch},), verbose=False,
        )  # fmt: skip
        assert program is not None
        program.save(buffer)  # type: ignore[arg-type]
        write_atomically(path, buffer.getvalue())
    return paths
