"""What the log says about a config.yaml that was read again."""

import pytest

from aggregator.config import load
from aggregator.database.feeds.write_subscriptions import SyncResult
from aggregator.scheduler.config_changes import config_changes

FEED = "{url: https://a.example/feed, name: a}"
SECOND = "{url: https://b.example/feed, name: b, keep: rust}"


@pytest.mark.parametrize(
    ("former", "present", "changes"),
    [
        (f"feeds: [{FEED}]", f"feeds: [{FEED}, {SECOND}]", ""),
        (f"feeds: [{FEED}, {SECOND}]", f"feeds: [{FEED}]", ""),
        (f"feeds: [{FEED}]", f"title: Other\ntimezone: Asia/Tokyo\nfeeds: [{FEED}]", ""),
        (f"feeds: [{FEED}]", f"hide: rust\nfeeds: [{FEED}]", "rules or views changed"),
        (f"feeds: [{FEED}]", f"per_hour: 9\nfeeds: [{FEED}]", "rules or views changed"),
        (f"feeds: [{FEED}]", f"backlog: 9\nfeeds: [{FEED}]", "rules or views changed"),
        (
            f"feeds: [{FEED}]",
            f"views: [{{name: v, search: rust}}]\nfeeds: [{FEED}]",
            "rules or views changed",
        ),
        (
            f"feeds: [{FEED}, {SECOND}]",
            f"feeds: [{FEED}, {SECOND.replace('rust', 'go')}]",
            "rules or views changed",
        ),
    ],
)
def test_the_log_names_other_rules_and_no_feed_that_came_or_went(
    tmp_path, former, present, changes
):
    path = tmp_path / "config.yaml"
    configs = []
    for text in (former, present):
        path.write_text(text)
        configs.append(load(path))

    assert config_changes(SyncResult(), *configs) == changes


def test_the_log_names_a_few_of_many_feeds(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("feeds: []")
    result = SyncResult(added_feeds=tuple("abcdefg"), removed_feeds=("x",))

    changes = config_changes(result, load(path), load(path))

    assert changes == "added a, b, c, d, e and 2 more; removed x"
