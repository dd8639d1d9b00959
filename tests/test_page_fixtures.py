"""Pages in the kinds that the web has: the posts that selectors make of them."""

import pytest

from tests.page_fixtures import fixtures, verdict

PAGES = [*fixtures("building"), *fixtures("held_out")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_selectors_written_by_hand_give_the_posts_of_a_page(page):
    result = verdict(page, page.selectors)

    assert (result.right, result.others) == (result.posts, 0)
