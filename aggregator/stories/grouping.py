"""The stories made of linked entries."""

from collections.abc import Iterable, Mapping

from aggregator.stories.similarity import StoryLink, StoryRule

_RULES = tuple(StoryRule)


def stories_of(links: Iterable[StoryLink], feed_of: Mapping[int, int]) -> list[frozenset[int]]:
    """Return the stories made of linked entries, as sets of entry ids; the surest links go first.

    No story has two entries of the same feed.  The result depends on the links alone, not on the
    order of arrival.

    Args:
        feed_of: The feed of each linked entry, by entry id.
    """
    story_of = {entry_id: {entry_id} for entry_id in feed_of}
    feeds = {entry_id: {feed} for entry_id, feed in feed_of.items()}  # of the entry's story
    for link in sorted(links, key=_strength):
        older_story, newer_story = story_of[link.older_id], story_of[link.newer_id]
        if older_story is newer_story or feeds[link.older_id] & feeds[link.newer_id]:
            continue
        story = older_story | newer_story
        story_feeds = feeds[link.older_id] | feeds[link.newer_id]
        for entry_id in story:
            story_of[entry_id], feeds[entry_id] = story, story_feeds
    return sorted({frozenset(story) for story in story_of.values() if len(story) > 1}, key=min)


def _strength(link: StoryLink) -> tuple[int, int, int, int, int]:
    distance = link.newer_id - link.older_id
    return _RULES.index(link.rule), -link.score, distance, link.older_id, link.newer_id
