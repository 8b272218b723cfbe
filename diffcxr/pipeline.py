"""Report in, film out: the Diff-CXR pipeline in the shape of a diffusers pipeline."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import DiffusionPipeline, DPMSolverMultistepScheduler
from diffusers.pipelines.pipeline_utils import ImagePipelineOutput
from torch import Tensor

from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.denoiser.uvit import UViT
from diffcxr.language.report_encoder import ReportEncoder

# Shapes: B reports, C x h x w latents, K x D context tokens, H x W pixels.


class DiffCXRPipeline(DiffusionPipeline):  # type: ignore[misc]  # diffusers is untyped
    """Chest films from report texts by latent diffusion (Diff-CXR, arXiv 2410.20165).

    Saved and loaded by diffusers' `save_pretrained` and `from_pretrained`, as safetensors.
    """

    def __init__(
        self,
        autoencoder: FilmAutoencoder,
        denoiser: UViT,
        report_encoder: ReportEncoder,
        scheduler: DPMSolverMultistepScheduler,
    ) -> None:
        super().__init__()
        self.register_modules(
            autoencoder=autoencoder, denoiser=denoiser, report_encoder=report_encoder, scheduler=scheduler
        )

    @torch.inference_mode()
    def __call__(
        self,
        prompt: str | list[str],
        num_inference_steps: int = 20,
        guidance_scale: float = 2.0,
        generator: torch.Generator | list[torch.Generator] | None = None,
        output_type: str = "np",
    ) -> ImagePipelineOutput:
        """Films of B reports: `.images` is float32 (B, H, W, 1) in [0, 1], or grey PIL images.

        Args:
            prompt: the report texts.
            num_inference_steps: calls of the denoiser (each over 2 B samples where guidance is on).
            guidance_scale: w in uncond + w (cond - uncond); 1 is without guidance.
            generator: one a report, on the CPU, so that a film belongs to its seed and not to its batch.
            output_type: "np" or "pil".

        Raises ValueError when there are not as many generators as reports.
        """
        reports = [prompt] if isinstance(prompt, str) else prompt
        context_BKD = self.report_encoder.encode(reports).to(self.denoiser.dtype)
        latents_BChw = self.noise(len(reports), generator)

        self.scheduler.set_timesteps(num_inference_steps, device=self.device)
        for time in self.progress_bar(self.scheduler.timesteps):
            predicted = self.predict(latents_BChw, time, context_BKD, guidance_scale)
            latents_BChw = self.scheduler.step(predicted, time, latents_BChw).prev_sample

        films_B1HW = self.autoencoder.decode(latents_BChw.to(self.autoencoder.dtype))
        films_BHW1 = films_B1HW.float().clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()
        return ImagePipelineOutput(
            images=self.numpy_to_pil(films_BHW1) if output_type == "pil" else films_BHW1
        )

    def noise(self, count: int, generator: torch.Generator | list[torch.Generator] | None) -> Tensor:
        """Initial latents (B, C, h, w) in float32, each drawn by its own generator on the CPU."""
        size = self.denoiser.config.latent_size
        shape = (self.denoiser.config.latent_channels, size, size)
        generators = generator if isinstance(generator, list) else [generator] * count
        if len(generators) != count:
            raise ValueError(f"{len(generators)} generators for {count} reports")
        return torch.stack([torch.randn(shape, generator=own) for own in generators]).to(self.device)

    def predict(
        self, latents_BChw: Tensor, time: Tensor, context_BKD: Tensor, guidance_scale: float
    ) -> Tensor:
        """The guided prediction (B, C, h, w) in float32 at one time."""
        x_BChw = latents_BChw.to(self.denoiser.dtype)
        if guidance_scale == 1:
            return self._denoise(x_BChw, time, context_BKD)
        null_BKD = self.denoiser.null_context.to(context_BKD.dtype).expand_as(context_BKD)
        both = self._denoise(torch.cat([x_BChw, x_BChw]), time, torch.cat([context_BKD, null_BKD]))
        conditional, unconditional = both.chunk(2)
        return unconditional + guidance_scale * (conditional - unconditional)

    def _denoise(self, x_BChw: Tensor, time: Tensor, context_BKD: Tensor) -> Tensor:
        predicted: Any = self.denoiser(x_BChw, time.expand(len(x_BChw)), context_BKD)
        return predicted.float()  # type: ignore[no-any-return]
