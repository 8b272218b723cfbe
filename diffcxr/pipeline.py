"""Report in, film out: the Diff-CXR pipeline in the shape of a diffusers pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from diffusers import DiffusionPipeline, DPMSolverMultistepScheduler
from diffusers.pipelines.pipeline_utils import ImagePipelineOutput
from torch import Tensor

from diffcxr.denoiser.control import ControlAdapter
from diffcxr.denoiser.hint import make_hint
from diffcxr.denoiser.uvit import UViT
from diffcxr.kl_autoencoder import Autoencoder
from diffcxr.language.report_encoder import ReportEncoder
from diffcxr.reports.labeler import label_report

# Shapes: B reports, C x h x w latents, K x E context and hint tokens, H x W pixels.

_TEXTS_KEPT = 4096  # tokens of as many texts are kept: reports repeat, and their hints do so more


class DiffCXRPipeline(DiffusionPipeline):  # type: ignore[misc]  # diffusers is untyped
    """Chest films from report texts by latent diffusion (Diff-CXR, arXiv 2410.20165).

    Saved and loaded by diffusers' `save_pretrained` and `from_pretrained`, as safetensors. The adapter may be
    None; then there are no hints.
    """

    _optional_components = ["adapter"]  # noqa: RUF012  # read by diffusers under this name

    def __init__(
        self,
        autoencoder: Autoencoder,
        denoiser: UViT,
        report_encoder: ReportEncoder,
        scheduler: DPMSolverMultistepScheduler,
        adapter: ControlAdapter | None = None,
    ) -> None:
        super().__init__()
        self.register_modules(
            autoencoder=autoencoder,
            denoiser=denoiser,
            report_encoder=report_encoder,
            scheduler=scheduler,
            adapter=adapter,
        )
        self._kept_tokens = lru_cache(_TEXTS_KEPT)(self._encode)

    @torch.inference_mode()
    def __call__(
        self,
        prompt: str | list[str],
        num_inference_steps: int = 20,
        guidance_scale: float = 2.0,
        generator: torch.Generator | list[torch.Generator] | None = None,
        output_type: str = "np",
        hint: str | Sequence[str | None] | None = None,
    ) -> ImagePipelineOutput:
        """Films of B reports: `.images` is float32 (B, H, W, 1) in [0, 1], or grey PIL images.

        Args:
            prompt: the report texts.
            num_inference_steps: calls of the denoiser (each over 2 B samples where guidance is on).
            guidance_scale: w in uncond + w (cond - uncond); 1 is without guidance.
            generator: one a report, on the CPU, so that a film belongs to its seed and not to its batch.
            output_type: "np" or "pil".
            hint: texts of `make_hint`, one a report; None in its place is no hint. By default each report's
                own labels make it.

        Raises ValueError when there are not as many generators, or hints, as reports, and for a hint that no
        adapter is there to read.
        """
        reports = [prompt] if isinstance(prompt, str) else prompt
        hints = [hint] if isinstance(hint, str) else hint
        if self.adapter is None and any(hints or ()):
            raise ValueError("a hint is read by an adapter, and this model has none")
        context_BKE = torch.cat([self._tokens(report) for report in reports])
        hint_BKE = self._hints(reports, hints) if self.adapter is not None else None
        latents_BChw = self.noise(len(reports), generator)

        self.scheduler.set_timesteps(num_inference_steps, device=self.device)
        for time in self.progress_bar(self.scheduler.timesteps):
            predicted = self.predict(latents_BChw, time, context_BKE, guidance_scale, hint_BKE)
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
        self,
        latents_BChw: Tensor,
        time: Tensor,
        context_BKE: Tensor,
        guidance_scale: float,
        hint_BKE: Tensor | None = None,
    ) -> Tensor:
        """The guided prediction (B, C, h, w) in float32 at one time; the hint is dropped with the report."""
        dtype = self.denoiser.dtype
        x_BChw, context_BKE = latents_BChw.to(dtype), context_BKE.to(dtype)
        if guidance_scale != 1:
            null_BKE = self.denoiser.null_context.to(dtype).expand_as(context_BKE)
            x_BChw, context_BKE = torch.cat([x_BChw, x_BChw]), torch.cat([context_BKE, null_BKE])
            if hint_BKE is not None:
                hint_BKE = torch.cat([hint_BKE, torch.zeros_like(hint_BKE)])
        predicted = self._denoise(x_BChw, time.expand(len(x_BChw)), context_BKE, hint_BKE)
        if guidance_scale == 1:
            return predicted
        conditional, unconditional = predicted.chunk(2)
        return unconditional + guidance_scale * (conditional - unconditional)

    def _denoise(
        self, x_BChw: Tensor, time_B: Tensor, context_BKE: Tensor, hint_BKE: Tensor | None
    ) -> Tensor:
        control = None
        if hint_BKE is not None:
            control = self.adapter(x_BChw, time_B, context_BKE, hint_BKE.to(context_BKE.dtype))
        predicted: Any = self.denoiser(x_BChw, time_B, context_BKE, control)
        return predicted.float()  # type: ignore[no-any-return]

    def _tokens(self, text: str) -> Tensor:
        return self._kept_tokens(text, self.report_encoder.device, self.report_encoder.dtype)

    def _encode(self, text: str, *where: object) -> Tensor:
        """Tokens (1, K, E) of a text; `where` tells kept ones from those of before the encoder was moved."""
        tokens_1KE: Tensor = self.report_encoder.encode([text]).tokens
        return tokens_1KE

    def _hints(self, reports: list[str], given: Sequence[str | None] | None) -> Tensor:
        """Hint tokens (B, K, E)."""
        hints = [own_hint(report) for report in reports] if given is None else list(given)
        if len(hints) != len(reports):
            raise ValueError(f"{len(hints)} hints for {len(reports)} reports")
        nothing = torch.zeros_like(self._tokens(reports[0]))
        return torch.cat([nothing if hint is None else self._tokens(hint) for hint in hints])


@lru_cache(_TEXTS_KEPT)
def own_hint(report: str) -> str | None:
    """The hint of what a report says itself, read off it once while it is among the texts that are kept."""
    return make_hint(label_report(report))
