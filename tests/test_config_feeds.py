"""The feeds of config.yaml: addresses, names, categories; and what is remarked on."""

import pytest

from aggregator import config
from aggregator.config import file_permissions
from tests.configured import one_feed, parsed, problem, problems


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/feed.xml",
        "http://me:secret@example.org:8080/feed?a=1&b=2",
        "HTTPS://Example.org/Feed",
        "http://[::1]:8080/feed",
        "https://bücher.example/feed",
        "samples/feed.xml",
        "./feed.RSS",
        "my feeds/feed.atom",
        "www.example.org/feed.xml",
    ],
)
def test_a_feed_is_a_web_address_or_a_path_below_the_file(url):
    assert parsed(f"feeds:\n  - '{url}'\n  - url: ' other.json '").feeds[0].url == url


def test_a_path_without_a_known_ending_is_a_feed_if_the_file_exists(tmp_path):
    (tmp_path / "my.blog").write_text("")

    read = parsed("feeds: [my.blog]", path=tmp_path / "config.yaml")

    assert read.feeds[0].url == "my.blog"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("www.example.org/feed", "add https:// if it is on the web"),
        ("localhost", "add https:// if it is on the web"),
        ("example.org:8080/feed", 'write "https://example.org:8080/feed"'),
        ("localhost:8080", 'write "https://localhost:8080"'),
        ("//example.org/feed", 'write "https://example.org/feed"'),
        ("feed://example.org/feed", 'write "https://example.org/feed"'),
        ("feed:http://example.org/feed", 'write "http://example.org/feed"'),
        ("file:///srv/feed.xml", "copy the file into the folder of config.yaml"),
        ("/srv/feed.xml", "copy the file into the folder of config.yaml"),
        ("~/feed.xml", "copy the file into the folder of config.yaml"),
        ("../feed.xml", "leaves the folder of config.yaml"),
        ("a/../../feed.xml", "leaves the folder of config.yaml"),
        ("'a\\b.xml'", "write / instead of \\"),
        ("ftp://example.org/feed.xml", '"ftp:" can\'t be polled'),
        ("javascript:alert(1)", '"javascript:" can\'t be polled'),
        ("C:/feeds/feed.xml", '"C:" can\'t be polled'),
        ("http://", "is not an address; write https://host/path"),
        ("https:example.org", "is not an address; write https://host/path"),
        ("http://example.org:99999/", "is not an address; write https://host/path"),
        ("http://[::1/feed", "is not an address; write https://host/path"),
        ("https://me:secret@example.org/a b", '"https://***@example.org/a b" has a space in it'),
        ("'<rss><channel/></rss>'", "is a document; save it as a file"),
        ('"a\\nb.xml"', "is a document; save it as a file"),
        ('"https://example.org/\\0"', "has a control character (U+0000)"),
        ("Planet Python", "is neither an http(s) URL nor a file beside config.yaml"),
        ("''", "empty; write the feed's address"),
        ("https://example.org/" + "x" * 5000, "is 5,020 characters long"),
    ],
)
def test_what_can_not_be_polled_is_refused_with_what_to_write(written, said):
    assert said in one_feed(written)


@pytest.mark.parametrize(
    ("item", "name"),
    [
        ("https://www.example.org/feed.xml", "example-org"),
        ("{url: https://example.org/, title: 'The Boss  Mind!'}", "the-boss-mind"),
        ("{url: https://example.org/, title: '???'}", "example-org"),
        ("{url: https://example.org/, title: Жизнь и судьба}", "жизнь-и-судьба"),
        ("samples/Recent Posts.xml", "recent-posts"),
        ("---.xml", "feed"),
        ("'http://[::1]:8080/'", "1"),
        ("{url: https://example.org/, name: Boss.Mind_2}", "Boss.Mind_2"),
        ("{url: https://example.org/, title: " + "ab " * 60 + "}", "ab-" * 26 + "ab"),
    ],
)
def test_a_feed_without_a_name_gets_one_from_its_title_or_host(item, name):
    (feed,) = parsed(f"feeds: [{item}]").feeds

    assert feed.name == name
    assert feed.name_given == ("name:" in item)


def test_made_names_that_collide_differ_by_their_address_and_stay_the_same():
    text = (
        "feeds:\n"
        "  - https://example.org/a\n"
        "  - https://example.org/b\n"
        "  - {url: https://c.example/, title: Taken}\n"
        "  - {url: https://d.example/, name: taken}\n"
    )

    names = [feed.name for feed in parsed(text).feeds]

    assert names == ["example-org", "example-org-47fc38", "taken-59fbb6", "taken"]
    assert names == [feed.name for feed in parsed(text).feeds]


def test_a_given_name_that_looks_like_a_made_one_only_makes_the_other_longer():
    text = (
        "feeds:\n  - https://example.org/a\n  - https://example.org/b\n"
        "  - {url: https://c.example/, name: example-org-47fc38}\n"
    )

    names = [feed.name for feed in parsed(text).feeds]

    assert len(set(names)) == 3
    assert names[1].startswith("example-org-")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Boss Mind", "write boss-mind"),
        ("a/b", "write a-b"),
        ("'..'", "may only have letters, digits, - _ and ."),
        ("x" * 81, "is 81 characters long; write at most 80"),
        ('"a\\tb"', "U+0009 (tab) is not a space"),
    ],
)
def test_a_name_that_can_not_stand_in_an_address_is_refused(written, said):
    assert said in problem(f"feeds: [{{url: https://a.example/, name: {written}}}]")


def test_stories_are_on_or_off_as_a_whole_or_for_categories():
    assert parsed("title: x").stories == config.StoriesOptions()
    assert parsed("stories: On").stories == config.StoriesOptions()
    assert parsed("stories: off").stories == config.StoriesOptions(on=False)
    assert parsed("stories: {Jobs: off, News: on}").stories == config.StoriesOptions(
        off_in=("Jobs",)
    )


def test_what_is_neither_on_nor_off_is_named_where_it_stands():
    assert problem("stories: never") == (
        '1:10: stories: "never" is neither on nor off; write one of them'
    )
    assert problem("stories:\n  Jobs: off\n  News: maybe\n") == (
        '3:9: stories.News: "maybe" is neither on nor off; write one of them'
    )
    assert problem("stories: [Jobs]") == "1:10: stories: must be one value, not a list"


def test_check_remarks_on_stories_of_a_category_that_no_feed_is_in():
    feed = "feeds: [{url: 'https://example.org/feed', category: Jobs}]"

    assert config.notes(parsed(f"stories: {{jobs: off}}\n{feed}")) == []
    assert config.notes(parsed(f"stories: {{Jbos: off}}\n{feed}")) == [
        'stories: no feed is in the category "Jbos"; did you mean Jobs?'
    ]


def test_a_feed_may_be_in_several_categories():
    config = parsed(
        "feeds:\n"
        "  - {url: a.xml, category: [Python, ' Berlin ']}\n"
        "  - {url: b.xml, category: [C]}\n"
        "  - {url: c.xml, category: []}\n"
    )

    assert [feed.categories for feed in config.feeds] == [("Python", "Berlin"), ("C",), ()]
    assert config.category_slugs == {"Python": "python", "Berlin": "berlin", "C": "c"}


@pytest.mark.parametrize(
    ("category", "problem_text"),
    [
        (
            "[Sea, Trade, SEA]",
            '2:39: feeds[0].category[2]: "SEA" is the same category as "Sea"; remove one',
        ),
        ("[Sea, {a: b}]", "2:32: feeds[0].category[1]: must be one value, not a group of settings"),
        ("[Sea, '']", "2:32: feeds[0].category[1]: empty; write some text, or leave the line out"),
        (str(list(range(11))), "2:26: feeds[0].category: has 11 names; write at most 10"),
    ],
)
def test_a_list_of_categories_is_checked_name_by_name(category, problem_text):
    assert problem(f"feeds:\n- {{url: a.xml, category: {category}}}") == problem_text


def test_a_category_may_have_any_name_and_an_address_of_its_own():
    config = parsed(
        "feeds: [{url: a.xml, category: '!!!'}, {url: b.xml, category: C}, {url: c.xml}, "
        "{url: d.xml, category: C++}, {url: e.xml, category: 🎮}, {url: f.xml, category: c}]"
    )

    slugs = config.category_slugs
    assert list(slugs) == ["!!!", "C", "C++", "🎮", "c"]
    assert [slugs[name] for name in ("C", "C++", "🎮", "c")] == ["c", "c-plus-plus", "🎮", "c"]
    assert slugs["!!!"].isalnum()


def test_a_feed_that_stands_twice_is_refused_however_it_is_spelt():
    text = (
        "feeds:\n"
        "  - http://example.org/feed\n"
        "  - HTTP://EXAMPLE.org:80/feed#top\n"
        "  - feed.xml\n"
        "  - url: ./feed.xml\n"
    )

    assert problems(text) == [
        "config.yaml:3:5: feeds[1]: the same feed as feeds[0] in line 2; remove one",
        "config.yaml:5:10: feeds[3].url: the same feed as feeds[2] in line 4; remove one",
    ]


def test_a_name_that_is_given_twice_is_refused():
    text = (
        "feeds:\n  - {url: https://a.example/, name: x}\n  - {url: https://b.example/, name: x}\n"
    )

    assert problem(text) == (
        '3:37: feeds[1].name: "x" is the name of feeds[0] in line 2; write another'
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("feeds: https://example.org/", "1:8: feeds: must be a list"),
        ("feeds: {a: https://example.org/}", "1:8: feeds: must be a list"),
        ("feeds: [[https://example.org/]]", "1:9: feeds[0]: must be an address or settings"),
        ("feeds:\n  -\n", "2:4: feeds[0]: empty; write a feed's address, or remove the dash"),
        ("feeds:\n  - title: x\n", "2:5: feeds[0].url: missing; every feed needs one"),
        ("feeds:\n  - url:\n", "2:9: feeds[0].url: empty; write a value, or remove the line"),
        ("feeds:\n  - url: [a.xml]\n", "2:10: feeds[0].url: must be one value, not a list"),
    ],
)
def test_what_is_no_list_of_feeds_is_refused(text, said):
    assert problem(text).startswith(said)


def test_the_zone_of_a_feed_is_a_zone():
    (problem,) = problems("feeds: [{url: 'https://a.example/', timezone: CEST}]")

    assert "feeds[0].timezone" in problem
    assert '"CEST" is not a time zone' in problem


# --------------------------------------------------------------------- remarks


def test_a_short_interval_of_a_feed_on_the_web_is_remarked_on():
    read = parsed(
        "feeds:\n  - {url: https://a.example/, interval: 10m}\n"
        "  - {url: https://b.example/, interval: 30m}\n"
    )

    (remark,) = config.notes(read)

    assert remark.startswith("feeds[0] (a-example): polls every 10m; ")


def test_a_short_interval_for_all_feeds_is_remarked_on_once():
    read = parsed("poll: {interval: 1m}\nfeeds: [https://a.example/, https://b.example/]")

    assert [remark.partition(":")[0] for remark in config.notes(read)] == ["poll.interval"]


def test_many_remarks_of_one_kind_are_cut_short():
    items = "".join(f"  - {{url: https://h{n}.example/, interval: 1m}}\n" for n in range(1000))

    remarks = config.notes(parsed(f"feeds:\n{items}"))

    assert len(remarks) == 6
    assert remarks[-1] == "feeds: 995 more remarks of this kind"


def test_many_remarks_on_rules_are_cut_short_as_remarks_on_rules():
    views = "".join(f"  - {{name: v{n}, search: a OR -a}}\n" for n in range(9))

    remarks = config.notes(parsed(f"feeds: [https://a.example/]\nviews:\n{views}"))

    assert remarks[-1] == "rules: 4 more remarks of this kind"


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("title: x", "feeds: none yet"),
        ("web: {host: 0.0.0.0}", "base_url: others reach the pages (0.0.0.0)"),
        ("network: {allow: [0.0.0.0/0]}", "network.allow[0]: 0.0.0.0/0 allows every address"),
        ("feeds: [none.xml]", "feeds[0] (none): there is no file none.xml"),
        ("feeds: [www.example.org/feed.xml]", "add https:// if it is on the web"),
        (
            "feeds: [{url: a.xml, category: Old News}, {url: b.xml, category: old-news}]",
            'feeds[1] (b): category "old-news" is the same page as "Old News"',
        ),
    ],
)
def test_what_is_right_but_perhaps_not_meant_is_remarked_on(text, remark):
    remarks = config.notes(parsed(text))

    assert len([found for found in remarks if remark in found]) == 1


SECRETS = {
    "feeds: ['https://me:secret@a.example/']": "feeds[0]",
    "feeds: ['https://token@a.example/']": "feeds[0]",
    "feeds: [{url: 'https://a.example/?token=x'}]": "feeds[0].url",
    "database: postgresql://me:secret@db.example/posts\nfeeds: [https://a.example/]": "database",
    "websub: {hub: 'https://a:b@hub.example/'}\nfeeds: [https://a.example/]": "websub.hub",
}


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o604, 0o644])
@pytest.mark.parametrize(("text", "place"), SECRETS.items())
def test_secrets_in_a_file_that_others_can_read_are_remarked_on(tmp_path, text, place, mode):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    path.chmod(mode)

    remarks = [remark for remark in config.notes(config.load(path)) if "can read it" in remark]

    advice = f"{path}: others on this machine can read it, and it has secrets ({place}); "
    assert remarks == ([] if mode == 0o600 else [f"{advice}run chmod 600 {path}"])
    assert not any("secret@" in remark for remark in remarks)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("feeds: [https://a.example/?page=2, x.xml]", None),
        ("database: postgresql://me@db.example/posts", None),
        ("feeds: [{url: 'https://a.example/?token=${TOKEN}'}]", None),
        ("feeds: [{url: 'https://${USER}:${PASSWORD}@a.example/'}]", None),
        ("feeds: [{request: {headers: {Authorization: 'Bearer ${TOKEN}'}}}]", None),
        ("feeds: [{request: {headers: {Key: 'Bearer ${TOKEN:-x1}'}}}]",
         "feeds[0].request.headers.Key"),
        ("feeds: [{request: {headers: {Key: abc}}}]", "feeds[0].request.headers.Key"),
        ("feeds: [{request: {headers: {Accept: application/json}}}]", None),
        ("feeds: [{request: {headers: {Cookie: a=b}}}]", "feeds[0].request.headers.Cookie"),
        ("feeds: [{url: 'https://a.example/?key=${file:/run/secrets/x}'}]", None),
        ("feeds: [{url: 'https://a.example/?key=${KEY:-x}'}]", "feeds[0].url"),
        ("feeds: [&a {url: 'https://a.example/?key=x'}]", "feeds[0].url"),
        ("feeds: [{request: {headers: {Authorization: '${AUTHORIZATION}'}}}]", None),
        ("feeds: [" + "'https://u:p@a.example/'," * 9 + "]",
         "feeds[0], feeds[1], feeds[2] and more"),
    ],
)  # fmt: skip
def test_what_stands_elsewhere_is_not_a_secret_of_the_file(tmp_path, text, places):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    path.chmod(0o644)

    remark = file_permissions.remark(path)

    assert remark is None if places is None else f"secrets ({places});" in str(remark)
