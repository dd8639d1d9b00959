"""How rightly the posts of pages without feeds are found: the pages of tests/data/pages.

`building` was looked at while proposals were built, `held_out` was written afterwards and has not
changed the code.  Each part of `building` was held out before: FIRST.
"""

from aggregator.model import PageSelectors
from aggregator.reading.pages.proposal import proposals
from tests.page_fixtures import HEADERS, PageFixture, fixtures, verdict

HALVES = ("building", "held_out")
FIRST = ((87, 69, 77), (70, 45, 63), (64, 46, 60))
"""Of sets that were held out before: posts, those right in all parts, and in title and link, when
the set was measured for the first time."""


def best_proposal(page: PageFixture) -> PageSelectors | None:
    """Return the selectors that the program proposes first for a page."""
    content_type = HEADERS["content-type"]
    return next(iter(proposals(page.page, content_type=content_type, url=page.url)), None)


def table() -> list[str]:
    """Return a table: posts that come out right by hand-written selectors and by proposals."""
    lines = [
        "## Pages without feeds",
        "",
        (
            "Posts of invented pages that come out right, in all parts (title, link, excerpt, "
            "author, date) and in title and link; others: what a proposal takes for a post."
        ),
        "",
        "| pages | posts | by hand-written selectors | by proposal | title and link | others |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for half in HALVES:
        pages = fixtures(half)
        by_hand = sum(verdict(page, page.selectors).right for page in pages)
        proposed = [verdict(page, best_proposal(page)) for page in pages]
        posts = sum(result.posts for result in proposed)
        right = sum(result.right for result in proposed)
        in_short = sum(result.named for result in proposed)
        others = sum(result.others for result in proposed)
        lines.append(
            f"| {half} ({len(pages)}) | {posts} | {by_hand / posts:.3f} | {right / posts:.3f} | "
            f"{in_short / posts:.3f} | {others} |"
        )
    first = (
        "Three sets were held out before, and joined the pages to build on once they had been "
        "measured. Posts, right ones, and right ones in title and link at that time: "
        + "; ".join(f"{posts}, {right}, {named}" for posts, right, named in FIRST)
        + "."
    )
    return [*lines, "", first, ""]
