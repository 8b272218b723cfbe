"""Overrides: `key=value` as a person types it, into a job's typed and checked config."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from diffcxr.errors import InputError
from jobs.options import GROUPS, Option, options_of

C = TypeVar("C")


def compose_config(job: str, config: type[C], overrides: Sequence[str]) -> C:
    """The config of `job` with `overrides` (`key=value`, as typed; of a key given twice the last wins).

    Hydra composes it from the structured config, the chosen files of config groups over that, and the
    overrides over both. Every value is parsed by the option's own type first and handed on in hydra's quotes,
    so that a person never meets hydra's grammar. Raises InputError.
    """
    from hydra import compose, initialize, initialize_config_dir
    from hydra.core.config_store import ConfigStore
    from omegaconf import OmegaConf

    given = parse_overrides(config, overrides)
    groups = {o.key: given.pop(o.key, o.default) for o in options_of(config) if o.group}
    chosen = [f"+{group}={name}" for group, name in groups.items()]
    typed = [f"{key}={_in_grammar(value)}" for key, value in given.items()]
    ConfigStore.instance().store(name=job, node=config, provider="diffcxr")
    # Without groups of its own a job is not shown the folder: `profile` would be one for every job.
    settings: dict[str, Any] = {"version_base": None, "job_name": job}
    folder = initialize_config_dir(str(GROUPS), **settings) if groups else initialize(None, **settings)
    with folder:
        composed = compose(job, overrides=[*chosen, *typed])
    return cast(C, OmegaConf.to_object(composed))


def parse_overrides(config: type, overrides: Sequence[str]) -> dict[str, Any]:
    """Full key -> parsed value of each override; all that is required is among them. Raises InputError."""
    options = {option.key: option for option in options_of(config)}
    given: dict[str, Any] = {}
    for override in overrides:
        option, text = _find(options, override)
        given.pop(option.key, None)
        given[option.key] = option.parse(text)
    missing = [o for o in options.values() if o.required and o.key not in given]
    if len(missing) == 1:
        raise InputError("missing", f"{missing[0].label}=...", missing[0].help)
    if missing:
        raise InputError("missing", " ".join(f"{o.label}=..." for o in missing))
    return given


def override_texts(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Overrides as a person would type them, of a mapping out of a YAML plan (nested or with dotted keys)."""
    texts: list[str] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            texts.extend(override_texts(value, f"{prefix}{key}."))
        else:
            texts.append(f"{prefix}{key}={_as_typed(value)}")
    return texts


def _find(options: Mapping[str, Option], override: str) -> tuple[Option, str]:
    key, equals, text = override.partition("=")
    key = key.strip()
    if f"{key}.name" in options:
        key = f"{key}.name"  # source=phantom
    if key in options and equals:
        return options[key], text
    if key in options:
        raise InputError("an option without its value", key, f"Write {key}=...")
    plain = key.lstrip("-+~").replace("-", "_")
    labels = {option.label for option in options.values()} | set(options)
    close = [plain] if plain in labels else difflib.get_close_matches(plain, sorted(labels), n=1, cutoff=0.5)
    if not equals and not close:
        raise InputError("not an option of the form key=value", override)
    fix = f"Did you mean {close[0]}=...?" if close else "--help lists the options."
    raise InputError("unknown option", key, fix)


def _as_typed(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + ",".join(json.dumps(item) for item in value) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def _in_grammar(value: Any) -> str:
    """`value` in hydra's override grammar, with nothing left for OmegaConf to interpolate."""
    from hydra.core.override_parser.types import Quote, QuotedString

    if isinstance(value, list):
        return "[" + ",".join(_in_grammar(item) for item in value) + "]"
    if isinstance(value, str):
        literal = re.sub(r"(\\*)\$\{", lambda found: found[1] * 2 + r"\${", value)
        return QuotedString(text=literal, quote=Quote.single).with_quotes()
    return "null" if value is None else str(value).lower()
