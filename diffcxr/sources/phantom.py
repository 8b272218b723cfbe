"""The embedded world as rows: procedural films with known findings, and their reports."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass

from PIL import Image

from diffcxr.phantom.film import draw_film
from diffcxr.phantom.grammar import write_report
from diffcxr.phantom.study import Study, labels, patient_split, sample_study
from diffcxr.reports.prompt import make_prompt
from diffcxr.sources.row import Row

_CHUNK = 64  # rows a task: seconds of drawing against milliseconds of pickling
_CHUNKS_AHEAD = 4  # for each worker, so that a slow reader bounds the memory


@dataclass(frozen=True, slots=True)
class _World:
    seed: int
    images: bool
    artefacts: float
    size: int

    def row(self, index: int) -> Row:
        study = sample_study(self.seed, index, self.artefacts)
        report = write_report(study)
        return Row(
            report_id=f"phantom-{self.seed}-{index:08d}",
            patient_id=study.patient_id,
            text=make_prompt(report.findings, report.impression),
            findings=report.findings or None,
            impression=report.impression or None,
            labels=labels(study),
            view=study.view,
            sex=study.sex,
            age=study.age,
            split=patient_split(study.patient_id),
            image=_film_png(study, self.size) if self.images else None,
            truth=json.dumps(study.to_json(), sort_keys=True, separators=(",", ":")),
        )

    def chunk(self, start: int, stop: int) -> list[Row]:
        return [self.row(index) for index in range(start, stop)]


def phantom_rows(
    rows: int,
    seed: int,
    images: bool = True,
    artefacts: float = 0.0,
    size: int = 128,
    start: int = 0,
    workers: int = 1,
) -> Iterator[Row]:
    """Rows `start` to `start + rows - 1` of world `seed`, in order; a row depends on (seed, index) alone.

    Args:
        images: draw the films; without, rows are reports with labels.
        artefacts: the share of artefact films (lateral, rotated, blank, ...), in [0, 1].
        size: the film's side in pixels.
        workers: processes that draw; 1 draws in this one. Rows do not depend on it. As always with spawned
            processes, a script that asks for more must guard its entry with `if __name__ == "__main__"`.
    """
    world = _World(seed, images, artefacts, size)
    chunks = [(at, min(at + _CHUNK, start + rows)) for at in range(start, start + rows, _CHUNK)]
    if workers == 1 or len(chunks) < 2:
        for index in range(start, start + rows):
            yield world.row(index)
        return
    # spawn, not fork: the caller may hold Ray's or torch's threads, whose locks a fork would copy as they are
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(chunks)), mp_context=context, initializer=_follow_parent)
    waiting: deque[Future[list[Row]]] = deque()
    try:
        for at, stop in chunks:
            waiting.append(pool.submit(world.chunk, at, stop))
            if len(waiting) > workers * _CHUNKS_AHEAD:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _follow_parent() -> None:
    """Ends this worker with its parent: when that one is killed, the pool's own workers wait for ever."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _film_png(study: Study, size: int) -> bytes:
    out = io.BytesIO()
    # level 1: noise barely compresses further, and the level is most of the cost
    Image.fromarray(draw_film(study, size)).save(out, format="PNG", compress_level=1)
    return out.getvalue()
