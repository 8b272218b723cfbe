"""Options: how a job's dataclass says what can be set, what it means and what it may be."""

from __future__ import annotations

import dataclasses
import json
import re
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from diffcxr.errors import InputError

T = TypeVar("T")

# An element of a list: a JSON string, a text in single quotes, or a plain text up to the next comma.
_ELEMENT = re.compile(
    r"""\s*(?:(?P<json>"(?:[^"\\]|\\.)*")\s*|'(?P<quoted>[^']*)'\s*|(?P<plain>[^,]*))(?:(?P<more>,)|\Z)""",
    re.S,
)

UNSET = "???"  # OmegaConf's mark of a required value that nobody gave
GROUPS = Path(__file__).parent / "conf"
"""The hydra config groups: one folder a group, one YAML file a choice."""


def option(
    default: T,
    *,
    help: str,
    min: float | None = None,
    max: float | None = None,
    choices: Sequence[str | float] | None = None,
) -> T:
    """A dataclass field with a default.

    Args:
        default: a bool, int, float, str, None, or a list of them.
        help: one line for `--help`.
        min, max: inclusive bounds of its numbers (of a list: of each element).
        choices: what its texts may be; of its numbers too, where all choices are numbers.
    """
    facts = {"help": help, "min": min, "max": max, "choices": tuple(choices) if choices else None}
    if isinstance(default, list):
        return field(default_factory=lambda: cast(T, list(default)), metadata=facts)
    return field(default=default, metadata=facts)


def required(
    *,
    help: str,
    min: float | None = None,
    max: float | None = None,
    choices: Sequence[str | float] | None = None,
) -> Any:
    """A dataclass field that the person must give; the arguments are those of `option`."""
    facts = {"help": help, "min": min, "max": max, "choices": tuple(choices) if choices else None}
    return field(metadata=facts)


def config_group(name: str, *, default: str, help: str) -> str:
    """A dataclass field that names one of the files in the hydra config group `name`.

    The file holds values of the config's other options; what a person gives beside it wins over them.
    """
    choices = tuple(sorted(file.stem for file in (GROUPS / name).glob("*.yaml")))
    return field(default=default, metadata={"help": help, "choices": choices, "group": True})


def nested(config: Callable[..., T], *, help: str = "") -> T:
    """A dataclass field that holds the dataclass `config`, set by `field.key=value`.

    Where `config` has a field `name`, `field=value` means `field.name=value` (`source=phantom`).
    """

    def unset() -> T:
        fields = dataclasses.fields(cast(Any, config))
        return config(**{f.name: UNSET for f in fields if _is_required(f)})

    return field(default_factory=unset, metadata={"help": help})


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that can be set: its full key, its type and its limits."""

    key: str  # "source.root"
    kind: Any  # str, int | None, list[float], ...
    default: Any  # UNSET where it is required
    help: str
    min: float | None
    max: float | None
    choices: tuple[str | float, ...] | None
    group: bool = False  # its value is the name of a file in a config group

    @property
    def required(self) -> bool:
        return isinstance(self.default, str) and self.default == UNSET

    @property
    def label(self) -> str:
        """The key as a person writes it: `source`, for `source.name`."""
        return self.key.removesuffix(".name")

    def parse(self, text: str) -> Any:
        """The value that `text`, as a person typed it, stands for. Raises InputError."""
        try:
            value = parse_value(text, self.kind)
        except ValueError as error:
            fix = f"It may be {self.limits()}." if self.limits() else ""
            raise InputError(f"{text!r} is not {describe_kind(self.kind)}", self.label, fix) from error
        self.check(value)
        return value

    def check(self, value: Any) -> None:
        """Raises InputError where `value` is missing, out of range or not among the choices."""
        if isinstance(value, str) and value == UNSET:
            raise InputError("missing", f"{self.label}=...", self.help)
        for item in value if isinstance(value, list) else [value]:
            if not (self._in_range(item) and self._is_chosen(item)):
                raise InputError(f"{item!r} is not allowed", self.label, f"It may be {self.limits()}.")

    def limits(self) -> str:
        """What it may be, in words: "1 to 8", "at least 1 or auto", "fid, kid"; "" where anything."""
        words = []
        if self.min is not None and self.max is not None:
            words.append(f"{self.min:g} to {self.max:g}")
        elif self.min is not None:
            words.append(f"at least {self.min:g}")
        elif self.max is not None:
            words.append(f"at most {self.max:g}")
        if self.choices:
            words.append(", ".join(map(str, self.choices)))
        return " or ".join(words)

    def _in_range(self, item: Any) -> bool:
        if isinstance(item, bool) or not isinstance(item, int | float):
            return True
        low = self.min is None or item >= self.min
        high = self.max is None or item <= self.max
        return low and high and item == item  # a nan is in no range

    def _is_chosen(self, item: Any) -> bool:
        if self.choices is None or item is None or item in self.choices:
            return True
        # `auto` as the only choice of an `int | str` limits its texts, not its numbers.
        numbers = all(isinstance(choice, int | float) for choice in self.choices)
        return isinstance(item, int | float) and not numbers


def options_of(config: type, prefix: str = "") -> Iterator[Option]:
    """Every option of a config dataclass and of those nested in it, in the order written."""
    hints = get_type_hints(config)
    for entry in dataclasses.fields(config):
        kind, key = hints[entry.name], f"{prefix}{entry.name}"
        if dataclasses.is_dataclass(kind):
            yield from options_of(cast(type, kind), f"{key}.")
        else:
            facts = entry.metadata
            yield Option(
                key=key,
                kind=kind,
                default=UNSET if _is_required(entry) else _default_of(entry),
                help=facts.get("help", ""),
                min=facts.get("min"),
                max=facts.get("max"),
                choices=facts.get("choices"),
                group=facts.get("group", False),
            )


def parse_value(text: str, kind: Any) -> Any:
    """The value of type `kind` that `text` stands for, taken as typed. Raises ValueError.

    Text needs no quotes: only a list `[a,b]` has syntax, and there an element with a comma is quoted.
    """
    if get_origin(kind) in (Union, types.UnionType):
        return _parse_union(text, get_args(kind))
    if get_origin(kind) is list:
        (element,) = get_args(kind)
        return [parse_value(item, element) for item in _split_list(text)]
    if kind is bool:
        words = {"true": True, "yes": True, "on": True, "1": True}
        words |= {"false": False, "no": False, "off": False, "0": False}
        if text.strip().lower() not in words:
            raise ValueError(text)
        return words[text.strip().lower()]
    if kind in (int, float, str):
        return kind(text)
    raise TypeError(f"an option cannot be a {kind}")


def describe_kind(kind: Any) -> str:
    """The type in a person's words: "a number", "true or false", "a list [a,b] of texts"."""
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(describe_kind(member) for member in get_args(kind))
    if get_origin(kind) is list:
        return f"a list [a,b], each {describe_kind(get_args(kind)[0])}"
    names = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a text",
        type(None): "null",
    }
    return names.get(kind, str(kind))


def _parse_union(text: str, members: tuple[Any, ...]) -> Any:
    if type(None) in members and text == "null":
        return None
    order = [bool, int, float]  # the narrowest first, text last
    rest = [member for member in members if member is not type(None)]
    for member in sorted(rest, key=lambda m: order.index(m) if m in order else len(order)):
        try:
            return parse_value(text, member)
        except ValueError:
            continue
    raise ValueError(text)


def _split_list(text: str) -> list[str]:
    """The elements of `[a,"b,c"]`, or of the same without its brackets, which shells like to expand."""
    inner = text.strip()
    if inner.startswith("[") != inner.endswith("]"):
        raise ValueError(text)
    inner = inner[1:-1] if inner.startswith("[") else inner
    if not inner.strip():
        return []
    items = []
    rest: str | None = inner
    while rest is not None:
        found = _ELEMENT.match(rest)
        if found is None:
            raise ValueError(text)
        if found["json"] is not None:
            items.append(json.loads(found["json"], strict=False))
        else:
            items.append(found["plain"].strip() if found["quoted"] is None else found["quoted"])
        rest = rest[found.end() :] if found["more"] else None
    return items


def _is_required(entry: dataclasses.Field[Any]) -> bool:
    return entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING


def _default_of(entry: dataclasses.Field[Any]) -> Any:
    factory = entry.default_factory
    return entry.default if factory is dataclasses.MISSING else factory()
