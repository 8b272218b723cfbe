"""A sweep's plan: a YAML file into points, each a list of steps with their overrides and one fingerprint."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from diffcxr.errors import InputError
from jobs.command import load_job
from jobs.overrides import override_texts, parse_overrides

STEP_JOBS = ("corpus", "train", "generate", "evaluate", "downstream")  # those that make something
_PLAN_KEYS = {"job", "base", "steps", "points", "grid"}


@dataclass(frozen=True, slots=True)
class Step:
    """One job of a point; texts may name an earlier step's output as `{name}`."""

    name: str
    job: str
    overrides: tuple[str, ...]  # as typed, without the output

    def resolved(self, outputs: Mapping[str, str]) -> list[str]:
        """The job's overrides where `outputs` are those of this step and the earlier ones, by name."""
        texts = list(self.overrides)
        for name, output in outputs.items():
            texts = [text.replace(f"{{{name}}}", output) for text in texts]
        return [*texts, f"output={outputs[self.name]}"]


@dataclass(frozen=True, slots=True)
class Point:
    """One setting of the sweep, made once under its fingerprint wherever the output lies."""

    label: str  # what distinguishes it: "guidance_scale=2.0"
    steps: tuple[Step, ...]
    fingerprint: str


def read_plan(text: str, where: str) -> list[Point]:
    """The points of a plan, each checked against its jobs' options. Raises InputError, naming `where`.

    Keys: `job` and `base` (overrides of every point), or `steps`, a list of {name, job, base}; then `points`,
    a list of overrides, or `grid`, lists of values whose product is taken. With several steps an override is
    `step.option`.
    """
    try:
        plan = yaml.safe_load(text)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        place = where if line is None else f"{where}, line {line + 1}"
        raise InputError("plan is not YAML", place, "Mend the file.") from error
    if not isinstance(plan, dict) or not set(plan) <= _PLAN_KEYS:
        fix = f"A plan has {', '.join(sorted(_PLAN_KEYS))}."
        raise InputError("plan with unknown keys", where, fix)
    steps = _steps(plan, where)
    points = [_point(steps, setting, where) for setting in _settings(plan, where)]
    prints = [point.fingerprint for point in points]
    twice = [point.label for point in points if prints.count(point.fingerprint) > 1]
    if twice:
        raise InputError("the same point twice in the plan", f"{where}: {twice[0]}", "Name each once.")
    return points


def _steps(plan: Mapping[str, Any], where: str) -> list[tuple[str, str, dict[str, Any]]]:
    if ("job" in plan) == ("steps" in plan):
        raise InputError("plan without its job", where, "Give `job: generate`, or `steps:`, a list of jobs.")
    listed = plan.get("steps") or [{"job": plan.get("job"), "base": plan.get("base") or {}}]
    steps = []
    for step in listed:
        job = step.get("job") if isinstance(step, dict) else None
        if job not in STEP_JOBS:
            raise InputError(f"{job!r} cannot be swept", where, f"A step's job is {', '.join(STEP_JOBS)}.")
        base = {**(plan.get("base") or {}), **(step.get("base") or {})} if "steps" in plan else step["base"]
        steps.append((str(step.get("name", job)), str(job), dict(base)))
    if len({name for name, _, _ in steps}) < len(steps):
        raise InputError("two steps of one name", where, "Give each step a `name:` of its own.")
    return steps


def _settings(plan: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    points, grid = plan.get("points"), plan.get("grid")
    if isinstance(points, list) and points and grid is None and all(isinstance(p, dict) for p in points):
        return points
    if isinstance(grid, dict) and grid and points is None and all(isinstance(v, list) for v in grid.values()):
        return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    fix = "Give `points:`, a list of overrides, or `grid:`, lists of values."
    raise InputError("plan without points", where, fix)


def _point(steps: Sequence[tuple[str, str, dict[str, Any]]], setting: dict[str, Any], where: str) -> Point:
    label = " ".join(override_texts(setting))
    made, identity = [], []
    own = _by_step([name for name, _, _ in steps], setting, where)
    for name, job, base in steps:
        texts = override_texts({**base, **own[name]})
        if any(text.startswith("output=") for text in texts):
            raise InputError("a plan gives no output", where, "Each point's is below the sweep's own.")
        try:
            parsed = parse_overrides(load_job(job).Config, [*texts, "output=-"])
        except InputError as error:
            raise InputError(error.what, f"{where}, {job} at {label}: {error.where}", error.fix) from error
        parsed.pop("output")
        identity.append([name, job, parsed])
        made.append(Step(name, job, tuple(texts)))
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return Point(label, tuple(made), digest[:16])


def _by_step(names: Sequence[str], setting: dict[str, Any], where: str) -> dict[str, dict[str, Any]]:
    if len(names) == 1:
        return {names[0]: setting}
    own: dict[str, dict[str, Any]] = {name: {} for name in names}
    for override in override_texts(setting):
        step, dot, _ = override.partition("=")[0].partition(".")
        if step not in own or not dot:
            fix = f"With several steps, write {names[0]}.option."
            raise InputError(f"no step has {override.partition('=')[0]}", where, fix)
        key, _, text = override.removeprefix(f"{step}.").partition("=")
        own[step][key] = text
    return own
