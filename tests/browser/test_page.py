"""The page in a real browser: no errors, no requests, nothing of a report runs, and a phone can show it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from jobs.report import Config, run
from tests.jobs.page_runs import write_runs

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MARKUP = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.fail("no chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    write_runs(str(folder / "runs"), markup=MARKUP)
    run(Config(runs=str(folder / "runs"), output=str(folder / "page.html"), films=6))
    return folder / "page.html"


@pytest.fixture
def page(browser: Browser, html: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The opened page; the test fails where it asks the network for anything or writes to the console."""
    opened = browser.new_context(**getattr(request, "param", {})).new_page()
    asked: list[str] = []
    said: list[str] = []

    def note_request(request: Request) -> None:
        if not request.url.startswith("data:"):
            asked.append(request.url)

    def note_console(message: ConsoleMessage) -> None:
        said.append(message.text)

    opened.on("request", note_request)
    opened.on("console", note_console)
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto(html.as_uri())
    yield opened
    opened.wait_for_timeout(100)
    assert asked == [html.as_uri()]
    assert said == []
    opened.context.close()


def test_films_are_drawn_with_alternative_texts(page: Page) -> None:
    films = page.locator(".gallery img")
    assert films.count() == 12
    for film in films.all():
        assert (film.get_attribute("alt") or "").startswith(
            ("Synthetic film of report", "Phantom film of report")
        )
        assert film.evaluate("film => film.complete && film.naturalWidth") == 32


def test_a_report_that_holds_markup_is_shown_and_not_run(page: Page) -> None:
    assert page.locator(".pair script, .pair img[src=x]").count() == 0
    assert MARKUP in page.locator(".report").first.inner_text()
    assert page.title() == "Synthetic chest X-rays, measured · diffcxr"


def test_the_three_arms_are_drawn_as_long_as_they_score(page: Page) -> None:
    arms = page.locator("tr[data-arm]")
    assert [arm.get_attribute("data-arm") for arm in arms.all()] == ["real", "synthetic", "both"]
    widths = [arm.locator("rect").bounding_box() for arm in arms.all()]
    real, synthetic, both = (box["width"] for box in widths if box is not None)
    assert synthetic < real < both
    assert synthetic / real == pytest.approx((0.81 - 0.5) / (0.95 - 0.5), rel=0.02)


def test_each_arm_is_drawn_beside_what_real_films_reach(page: Page) -> None:
    lines = [arm.locator(".reached").bounding_box() for arm in page.locator("tr[data-arm]").all()]
    real = page.locator("tr[data-arm=real] rect").bounding_box()
    assert real is not None and len(lines) == 3
    for line in lines:
        assert line is not None and line["x"] == pytest.approx(real["x"] + real["width"], abs=1)


def test_a_table_too_wide_for_a_phone_keeps_its_caption_and_first_column_in_view(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    moved = page.locator("#metrics .scroll").first.evaluate(
        """(scroll) => {
            const places = () => [...scroll.querySelectorAll('caption > div, tbody th')].map(
                element => [element.getBoundingClientRect().left, element.getBoundingClientRect().right]);
            const before = places();
            scroll.scrollLeft = 120;
            const inside = scroll.getBoundingClientRect();
            return {
                scrolled: scroll.scrollLeft,
                drift: Math.max(...places().map(([left], i) => Math.abs(left - before[i][0]))),
                over: Math.max(...places().map(([, right]) => right - inside.right)),
            };
        }"""
    )
    assert moved["scrolled"] == 120 and moved["drift"] <= 1 and moved["over"] <= 1


def test_a_contact_sheet_has_each_film_beside_its_smaller_neighbours(page: Page) -> None:
    frames = page.locator("#filter .frames")
    assert frames.count() == 3 + 6  # removed, and kept
    for frame in frames.all():
        images = frame.locator("img")
        assert images.count() == 3
        boxes = images.evaluate_all(
            """images => images.map(image => [image.naturalWidth, image.offsetWidth, image.offsetHeight])"""
        )
        (_, wide, tall), *neighbours = boxes
        assert all(natural == 32 for natural, *_ in boxes) and abs(wide - tall) <= 3
        assert all(width * 1.9 < wide and abs(width - height) <= 3 for _, width, height in neighbours)


def test_every_table_says_what_its_cells_are(page: Page) -> None:
    assert page.locator("table").count() >= 5
    for table in page.locator("table").all():
        assert table.locator("caption").count() == 1
        assert table.locator("tbody tr:not(:has(th[scope=row]))").count() == 0
        assert table.locator("thead th:not([scope=col])").count() == 0


@pytest.mark.parametrize(
    "page",
    [{"viewport": {"width": 360, "height": 740}}, {"viewport": {"width": 1280, "height": 900}}],
    indirect=True,
)
def test_no_screen_has_to_scroll_sideways(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


@pytest.mark.parametrize("page", [{"color_scheme": "light"}, {"color_scheme": "dark"}], indirect=True)
def test_text_can_be_read_in_light_and_in_dark(page: Page) -> None:
    """WCAG AA: body and secondary text at a contrast of at least 4.5 with their ground."""
    ratios = page.evaluate(
        """() => {
            const light = text => {
                const parts = text.match(/[0-9.]+/g).slice(0, 3).map(part => {
                    const share = part / 255;
                    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
                });
                return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
            };
            const ground = element => {
                const colour = getComputedStyle(element).backgroundColor;
                return colour.endsWith(', 0)') ? ground(element.parentElement) : colour;
            };
            const texts = document.querySelectorAll('main p, dd, dt, td, th, .chip, .detail, caption');
            return [...texts].map(element => {
                const pair = [light(getComputedStyle(element).color), light(ground(element))].sort();
                return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
            });
        }"""
    )
    assert len(ratios) > 100 and min(ratios) >= 4.5
