"""The page's HTML from what it shows; everything that is not a template is escaped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from jobs.page.measures import interval, number

if TYPE_CHECKING:
    from jobs.page.contents import Page

_JOINTS = re.compile("(?<=Cardio)(?=m)|(?<=Consoli)(?=d)|(?<=Pneumo)(?=thorax)")


def render(page: Page) -> str:
    """One HTML document that loads nothing and runs no script; its Content-Security-Policy forbids both."""
    environment = Environment(
        loader=PackageLoader("jobs.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (number, interval, count, short, hyphenated)
    environment.filters |= {function.__name__: function for function in filters}
    loader = environment.loader
    assert loader is not None
    style = Markup(loader.get_source(environment, "style.css")[0])
    return environment.get_template("page.html.j2").render(page=page, style=style)


def count(value: int | None) -> str:
    """A count for reading: thousands apart, an en dash for none."""
    return "–" if value is None else f"{value:,}"


def short(digest: str) -> str:
    """The part of a digest that a person compares."""
    return digest.removeprefix("sha256:")[:10]


def hyphenated(finding: str) -> str:
    """With soft hyphens in the longest words; a browser without a dictionary would break them anywhere."""
    return _JOINTS.sub("\u00ad", finding)
