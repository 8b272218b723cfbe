"""`diffcxr complexity`: parameters and multiply-accumulates of a model, by each convention."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, replace

from diffcxr.complexity import Complexity, measure_complexity
from diffcxr.errors import InputError
from diffcxr.language.text_encoder import WINDOW
from diffcxr.profile import PROFILES, Profile
from jobs.command import main
from jobs.options import nested, option, required
from jobs.summary import Summary


@dataclass(kw_only=True)
class DenoiserOptions:
    depth: int | None = option(
        None, help="U-ViT blocks beside the middle one, even; default: the profile's", min=2
    )


@dataclass(kw_only=True)
class Config:
    profile: str = required(help="shape of the model", choices=tuple(PROFILES))
    denoiser: DenoiserOptions = nested(DenoiserOptions)


def run(config: Config) -> Summary:
    """Counts a profile's modules while they run, without weights. Raises InputError."""
    profile, depth = PROFILES[config.profile], config.denoiser.depth
    if depth is not None:
        if depth % 2:
            raise InputError(f"depth={depth} is odd", "denoiser.depth", "Half of the blocks mirror the rest.")
        profile = replace(profile, depth=depth)
    found = measure_complexity(profile)
    values = {
        "profile": config.profile,
        "depth": profile.depth,
        **asdict(found),
        "macs_by_paper": found.call.by_paper,
        "macs_a_call": found.call.products,
        "macs_a_film": found.film_macs,
    }
    return Summary(values=values, table=_table(profile, found))


def _table(profile: Profile, found: Complexity) -> list[tuple[object, ...]]:
    parts = {
        "denoiser": found.denoiser,
        "control adapter": found.adapter,
        f"a text of {WINDOW} word pieces": found.text,
        "autoencoder, decoding": found.decoder,
    }
    sampling = f"{profile.steps} steps, guidance {profile.guidance_scale:g}"
    return [
        ("run once, batch 1", "parameters", "Linear, Conv MACs", "attention MACs", "LayerNorm, 4 each"),
        *((name, c.parameters, c.linear_and_conv, c.attention, c.layer_norm) for name, c in parts.items()),
        ("MACs as the paper counts: Linear, Conv and LayerNorm of one call", found.call.by_paper),
        ("MACs of one call with attention, without LayerNorm", found.call.products),
        (f"calls a film ({sampling})", found.calls),
        ("MACs a film: report and hint, calls, decoding", found.film_macs),
        ("FLOP a film, two a MAC", 2 * found.film_macs),
    ]


if __name__ == "__main__":
    sys.exit(main(["complexity", *sys.argv[1:]]))
