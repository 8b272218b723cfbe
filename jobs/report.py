"""`diffcxr report`: one self-contained page of what lies below a runs folder."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from cluster.corpus import Corpus
from cluster.storage import Storage
from diffcxr.errors import InputError
from jobs.command import main
from jobs.options import option, required
from jobs.page.contents import make_page
from jobs.page.render import render
from jobs.page.runs import find_runs
from jobs.summary import Summary

_INDEX = "index.html"


@dataclass(kw_only=True)
class Config:
    """Make a page that needs no network: films beside their reports, scores with intervals, filterings."""

    runs: str = required(
        help="URI of a folder; whatever was generated, measured, swept or filtered below it is shown"
    )
    output: str = required(help="path or URI of the page; a name without .html is a folder for index.html")
    real: str | None = option(
        None,
        help="URI of the corpus of the reports, or of the filtered films, where it does not lie below runs",
    )
    films: int = option(
        12,
        help="reports shown of each generated corpus; films of each part of a contact sheet",
        min=0,
        max=200,
    )
    texts: bool = option(True, help="show the reports' text; false where their licence forbids it")
    title: str = option("Synthetic chest X-rays, measured", help="the page's heading")


def run(config: Config) -> Summary:
    """Write the page. Raises InputError where nothing is found, or a run's file cannot be read."""
    source = Storage.at(config.runs)
    real = Corpus.open(config.real) if config.real is not None else None
    runs = find_runs(source)
    if not runs:
        jobs = "generate, evaluate, downstream, sweep or train stage=filter"
        fix = f"Give a folder with the outputs of {jobs} somewhere below it."
        raise InputError("no runs here", source.uri, fix)
    page = make_page(runs, title=config.title, films=config.films, texts=config.texts, real=real)
    html = render(page).encode()
    folder, name = _place(config.output)
    storage = Storage.at(folder)
    storage.replace(name, html)  # a page is a view: it is drawn anew at each call
    values = {
        "page": storage.child(name).uri,
        "bytes": len(html),
        "generated": len(runs.generated),
        "films": sum(len(gallery.pairs) for gallery in page.galleries),
        "evaluations": len(runs.evaluations),
        "downstream": len(runs.downstreams),
        "sweeps": len(runs.sweeps),
        "filterings": len(runs.filterings),
    }
    return Summary(values=values, table=list(values.items()))


def _place(output: str) -> tuple[str, str]:
    """(folder, name) of the page."""
    folder, _, name = output.rpartition("/")
    if name.lower().endswith((".html", ".htm")):
        return folder or ("/" if output.startswith("/") else "."), name
    return output, _INDEX


if __name__ == "__main__":
    sys.exit(main(["report", *sys.argv[1:]]))
