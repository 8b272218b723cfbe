"""The settings of a generated corpus as the page shows them: what decided its films, and the stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.page.runs import Generated

_FACTS = {
    "model_digest": "Model",
    "corpus_digest": "Reports",
    "seed": "Seed",
    "steps": "Steps",
    "guidance": "Guidance",
    "film_shape": "Film, pixels",
    "dtype": "Arithmetic",
    "prompt": "Prompt",
}
"""Settings that a reader looks for first, and what they are called; the others follow by name."""

Fact = tuple[str, str, str]  # name, value, and the whole value where the first is cut


@dataclass(frozen=True, slots=True)
class SettingsView:
    name: str
    folded: bool
    facts: tuple[Fact, ...]
    stack: tuple[Fact, ...]


def view_settings(generated: Sequence[Generated]) -> tuple[SettingsView, ...]:
    """The runs in their order; a sweep's points are folded, unless one comes first."""
    return tuple(_view(run, run.in_sweep and number > 0) for number, run in enumerate(generated))


def _view(run: Generated, folded: bool) -> SettingsView:
    corpus = run.corpus
    facts: list[Fact] = []
    if corpus is not None:
        facts.append(("Films", f"{corpus.rows:,}", ""))
        rejects = ", ".join(f"{count:,} {reason}" for reason, count in corpus.rejects.items())
        facts.append(("Rejected", rejects or "none", ""))
        facts.append(_fact("Digest of the films", corpus.digest))
    else:
        facts.append(("State", f"not finished, {run.shards:,} shards so far", ""))
    settings = _leaves(run.record.pixels) | _leaves(run.record.plan)
    first = [name for name in _FACTS if name in settings]
    names = [*first, *sorted(settings.keys() - set(first))]
    facts += [_fact(_FACTS.get(name) or _words(name), settings[name]) for name in names]
    stack = tuple(_fact(_words(name), value) for name, value in _leaves(run.record.stack).items())
    return SettingsView(run.label, folded, tuple(facts), stack)


def _leaves(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested settings as one level, `sampler.steps`."""
    flat: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _leaves(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _fact(name: str, value: object) -> Fact:
    text = "none" if value is None else " × ".join(map(str, value)) if isinstance(value, list) else str(value)
    digest = len(text) >= 32 and set(text.removeprefix("sha256:")) <= set("0123456789abcdef")
    return (name, text.removeprefix("sha256:")[:12] + " …", text) if digest else (name, text, "")


def _words(name: str) -> str:
    words = name.replace(".", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]
