"""A stack: what decides a film's last bits beside a run's settings. Equal bytes are promised on one stack."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version

from PIL import features


def describe_stack(device: str) -> dict[str, str]:
    """What beside `pixels` decides a film: versions, how reports are read, and the processor."""
    import torch  # not by drivers, which only compare: it takes seconds

    from diffcxr.denoiser.hint import hints_digest

    accelerator = (
        torch.cuda.get_device_name(0) if device == "cuda" else torch.backends.cpu.get_cpu_capability()
    )
    packages = ("torch", "diffusers", "transformers", "numpy", "pillow", "pyarrow")
    codecs = {"zlib": features.version("zlib"), "jpeg": features.version("jpg")}
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
        **{name: str(number) for name, number in codecs.items()},
        "hints": hints_digest()[:16],
        "device": device,
        "accelerator": accelerator,
    }


def differing(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    """Names of what is not the same in two stacks."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
