"""A small template language for sentences: choices, options and slots, expanded at random.

`{a|b|c}` is one of its alternatives, `[a|b]` is one of them or, half of the time, nothing, and `<name>` is
the slot of that name, itself a template. They nest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Choice:
    alternatives: tuple[_Parts, ...]
    optional: bool


@dataclass(frozen=True, slots=True)
class _Slot:
    name: str


_Parts = tuple["str | _Choice | _Slot", ...]
_TOKEN = re.compile(r"[\[\]{}|]|<[a-z_]+>|[^\[\]{}|<]+")


def pick(options: Sequence[T], rng: np.random.Generator) -> T:
    """One of the options, all equally likely."""
    return options[int(rng.random() * len(options))]


def expand(template: str, rng: np.random.Generator, slots: Mapping[str, str]) -> str:
    """One text of the template, white space as it falls.

    Raises KeyError naming a slot that is not given, ValueError where brackets do not match.
    """
    return _expand(_parse(template), rng, slots)


def sentence(text: str) -> str:
    """The text as a sentence: single spaces, a or an by the next sound, a capital first, a full stop last."""
    text = re.sub(r"\s+", " ", text).strip(" ,;")
    text = re.sub(r" (?=[,;.:])", "", text)
    text = re.sub(r"\b([Aa]) (?=[aeio]|un[^i]|up|ul|[AEFHILMNORSX][A-Z])", r"\1n ", text)
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", ":", "?")) else text + "."


def _expand(parts: _Parts, rng: np.random.Generator, slots: Mapping[str, str]) -> str:
    out: list[str] = []
    for part in parts:
        if isinstance(part, str):
            out.append(part)
        elif isinstance(part, _Slot):
            out.append(expand(slots[part.name], rng, slots))
        elif not part.optional or rng.random() < 0.5:
            out.append(_expand(pick(part.alternatives, rng), rng, slots))
    return "".join(out)


@lru_cache(maxsize=8192)
def _parse(template: str) -> _Parts:
    tokens = _TOKEN.findall(template)
    parts, end = _parse_parts(tokens, 0)
    if end != len(tokens):
        raise ValueError(f"unbalanced template: {template!r}")
    return parts


def _parse_parts(tokens: list[str], at: int) -> tuple[_Parts, int]:
    parts: list[str | _Choice | _Slot] = []
    while at < len(tokens) and tokens[at] not in "|]}":
        token = tokens[at]
        at += 1
        if token in "{[":
            alternatives: list[_Parts] = []
            while True:
                alternative, at = _parse_parts(tokens, at)
                alternatives.append(alternative)
                at += 1
                if at > len(tokens):
                    raise ValueError("unbalanced template: a bracket is not closed")
                if tokens[at - 1] != "|":
                    break
            if token + tokens[at - 1] not in ("{}", "[]"):
                raise ValueError(f"unbalanced template: {token} closed by {tokens[at - 1]}")
            parts.append(_Choice(tuple(alternatives), optional=token == "["))
        elif token.startswith("<"):
            parts.append(_Slot(token[1:-1]))
        else:
            parts.append(token)
    return tuple(parts), at
