"""OPML lists among the feeds of config.yaml, and the feeds that they add."""

from datetime import timedelta
from pathlib import Path

import pytest

from aggregator import config
from aggregator.errors import ConfigError
from aggregator.model import FeedRequest, OpmlOutline
from tests.configured import PATH, parsed, problem

LIST = "https://lists.example/blogs.opml"
ADA = OpmlOutline("https://ada.example/feed", "Ada", ("People", "Oslo"))
BEN = OpmlOutline("https://ben.example/feed", None, ("People",))


def listed(text: str, *outlines: OpmlOutline, address: str = LIST) -> config.Config:
    return config.with_opml_lists(parsed(text), {address: outlines})


def test_the_feeds_of_a_list_stand_behind_those_of_the_file_with_its_settings():
    read = listed(
        f"feeds:\n  - opml: {LIST}\n    interval: 2h\n    hide: tag:ad\n    paused: true\n"
        "  - https://own.example/feed\n",
        ADA,
        BEN,
    )

    own, ada, ben = read.feeds
    assert [feed.name for feed in read.feeds] == ["own-example", "ada", "ben-example"]
    assert (own.opml_list, ada.opml_list) == (None, LIST)
    assert (ada.title, ada.categories) == ("Ada", ("People", "Oslo"))
    assert (ada.interval, ada.rules.hide, ada.paused) == (timedelta(hours=2), "tag:ad", True)
    assert (ben.title, ben.categories, ben.name_given) == (None, ("People",), False)
    assert read.place_of(ada) == "feeds[0] (ada)"


def test_a_category_of_the_list_takes_the_place_of_those_of_the_outlines():
    read = listed(f"feeds: [{{opml: {LIST}, category: [Blogs, Friends]}}]", ADA, BEN)

    assert [feed.categories for feed in read.feeds] == [("Blogs", "Friends")] * 2


def test_a_feed_of_the_file_and_of_an_earlier_list_has_precedence():
    read = parsed(f"feeds: [{{opml: {LIST}}}, {{opml: b.opml}}, 'http://ADA.example:80/a/../feed']")
    plain_ada = OpmlOutline("http://ada.example/feed")

    both = config.with_opml_lists(read, {LIST: [plain_ada, BEN], "b.opml": [BEN, ADA]})

    assert [(feed.url, feed.opml_list) for feed in both.feeds] == [
        ("http://ADA.example:80/a/../feed", None),
        (BEN.url, LIST),
        (ADA.url, "b.opml"),
    ]


def test_a_feed_of_a_list_takes_no_name_of_the_file():
    read = listed(f"feeds: [{{opml: {LIST}}}, {{url: https://x.example/, title: Ada}}]", ADA)

    assert read.feeds[0].name == "ada"
    assert read.feeds[1].name.startswith("ada-")


def test_lists_that_are_read_again_replace_their_former_feeds():
    text = f"feeds: [{{opml: {LIST}}}, https://own.example/]"
    read = listed(text, ADA)

    again = config.with_opml_lists(read, {LIST: [BEN]})
    assert again == listed(text, BEN)
    assert config.with_opml_lists(again, {}) == parsed(text)


@pytest.mark.parametrize(
    ("address", "is_taken"),
    [(LIST, False), ("blogs.opml", True), ("http://nas.local/l.opml", True)],
)
@pytest.mark.parametrize(
    "feed",
    ["http://127.0.0.1/x", "http://10.0.0.5/x", "http://10.5/x", "http://0x0a.0.0.5/x",
     "http://012.0.0.5./x", "http://[::1]/x", "http://nas.local/x", "http://printer/x",
     "https://git.example.org/x", "https://git.example.org:8443/y",
     "https://GIT.example.org./x", "https://xn--b1amnebsh.example/x", "https://b.example/x"],
)  # fmt: skip
def test_a_list_of_somebody_else_leads_to_no_private_address(address, is_taken, feed):
    allowed = "10.0.0.0/8, git.example.org, новости.example, 'b.example:8080', '[::1]:80'"
    text = f"network: {{allow: [{allowed}]}}\nfeeds: [{{opml: '{address}'}}]"

    assert bool(listed(text, OpmlOutline(feed), address=address).feeds) is is_taken


def test_a_private_feed_of_a_list_needs_a_title():
    read = listed(f"feeds: [{{opml: {LIST}, private: true}}]", ADA, BEN)

    assert [(feed.title, feed.private) for feed in read.feeds] == [("Ada", True)]


def test_a_list_in_an_included_file_has_the_settings_of_the_file(tmp_path):
    (tmp_path / "team.yaml").write_text(f"category: Team\nfeeds: [{{opml: {LIST}, interval: 1d}}]")
    (tmp_path / "config.yaml").write_text("include: [team.yaml]")
    read = config.with_opml_lists(config.load(tmp_path / "config.yaml"), {LIST: [ADA]})

    (feed,) = read.feeds
    assert (feed.categories, feed.interval) == (("Team",), timedelta(days=1))
    assert read.place_of(feed) == f"{tmp_path / 'team.yaml'}: feeds[0] (ada)"


def test_a_secret_of_an_address_is_masked_and_the_list_known_by_its_written_address(monkeypatch):
    monkeypatch.setenv("LIST_TOKEN", "hunter2-of-the-list")
    read = parsed("feeds: [{opml: 'https://lists.example/${LIST_TOKEN}.opml'}]")

    (opml_list,) = read.opml_lists
    assert opml_list.address == "https://lists.example/hunter2-of-the-list.opml"
    assert opml_list.known_address == "https://lists.example/${LIST_TOKEN}.opml"
    assert read.secrets == ("hunter2-of-the-list",)


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        ("opml: ftp://lists.example/x", '1:16: feeds[0].opml: "ftp:" can\'t be polled'),
        ("opml: ''", "1:16: feeds[0].opml: empty"),
        ("opml: ../x.opml", '1:16: feeds[0].opml: "../x.opml" leaves the folder'),
        ("opml: nothing", '1:16: feeds[0].opml: "nothing" is neither'),
        ("opml: a.opml, url: b.xml", '1:24: feeds[0].url: unknown key; "url" belongs to a feed'),
        ("opml: a.opml, name: b", '1:24: feeds[0].name: unknown key; "name" belongs'),
        ("opml: a.opml, interval: x", "1:34: feeds[0].interval: "),
        ("opml: a.opml}, {opml: ./a.opml",
         "1:32: feeds[1].opml: the same list as feeds[0] in line 1; remove one"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_place(item, fault):
    assert problem(f"feeds: [{{{item}}}]").startswith(fault)


def test_a_list_in_two_files_is_a_mistake_that_names_both(tmp_path):
    (tmp_path / "team.yaml").write_text(f"- opml: {LIST}\n")
    path = tmp_path / "config.yaml"
    path.write_text(f"include: [team.yaml]\nfeeds:\n  - opml: {LIST}\n")

    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert str(caught.value) == (
        f"{path}:3:11: feeds[0].opml: the same list as feeds[0] in {tmp_path / 'team.yaml'}:1; "
        "remove one"
    )


def test_a_missing_file_is_a_remark_and_a_file_with_lists_alone_has_feeds(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("feeds: [{opml: blogs.opml}]")

    assert config.notes(config.load(path)) == [
        f"feeds[0] (blogs.opml): there is no such file in {tmp_path}"
    ]
    (tmp_path / "blogs.opml").write_text("<opml/>")
    assert config.notes(config.load(path)) == []


def test_a_feed_is_added_behind_a_list():
    text = f"feeds:\n  - opml: {LIST}\n    category: Blogs\n"

    added = config.append(text, [ADA], path=PATH)

    assert (added.path, added.text.splitlines()[:3]) == (Path("config.yaml"), text.splitlines())
    assert [feed.url for feed in added.feeds] == [ADA.url]


def test_a_list_has_a_request_of_its_own_and_its_feeds_get_no_headers():
    read = listed(
        f"""
hosts:
  ada.example: {{request: {{headers: {{X-Key: hunter2-of-ada}}, user_agent: reader/1.0}}}}
feeds:
  - {{opml: '{LIST}', request: {{headers: {{Authorization: Bearer hunter2-of-the-list}}}}}}
  - https://own.ada.example/feed
""",
        ADA,
        BEN,
    )

    own, ada, ben = read.feeds
    assert read.requests[LIST].headers == (("Authorization", "Bearer hunter2-of-the-list"),)
    assert read.requests[own.url].headers == (("X-Key", "hunter2-of-ada"),)
    assert read.requests[ada.url] == FeedRequest((), "reader/1.0")
    assert ada.request_digest == read.requests[ada.url].digest
    assert ben.url not in read.requests
    assert config.with_opml_lists(read, {}).requests.keys() == {LIST, own.url}
