"""The pages about the site itself, and the page of saved posts."""

from aggregator.database.feeds import read_health
from web import full_post
from web.page_contents import Page, PageData
from web.site import site


def about(data: PageData) -> Page | None:
    """Return the page with the operator's text on the site, None without such a text."""
    own_text = site().branding.about
    if own_text is None:
        return None
    text = full_post.text_of_page(own_text.html, own_text.address, data.clock.lang)
    return Page("about.html", {"text": text}, public_url=own_text.address)


def saved() -> Page:
    """Return the page of saved posts, without posts: the reader's browser adds the posts."""
    return Page("saved.html", section="saved", index=False)


def robot(data: PageData) -> Page:
    """Return the page about our crawler for owners of servers."""
    fastest = read_health.shortest_interval(data.connection)
    return Page("robot.html", {"fastest": fastest or site().config.poll.interval})
