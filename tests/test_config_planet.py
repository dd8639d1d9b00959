"""A whole configuration with one mistake after the other: each is told at its line and column.

What each reader says to each text is in the other tests of config.yaml; here the mistakes stand
among comments, variables, headers and included files.
"""

from pathlib import Path

import pytest

from aggregator import config
from aggregator.errors import ConfigError

PLANET = """\
# The planet of our group: this file is in git, and secrets come from the environment.
title: Planet Harbour
base_url: https://planet.example/news
timezone: Europe/Oslo
database: postgresql://planet:${DATABASE_PASSWORD}@db/planet
web: {host: 0.0.0.0, port: 8080}
poll:
  interval: 1h
  timeout: 30s          # of a whole request
  max_size: 10MB
  concurrency: 16
network:
  allow:
    - 10.0.0.0/8
    - "nas.local:8080"
hosts:
  slow.example: {delay: 60s}
  api.example:
    request:
      headers: {Authorization: "Bearer ${API_TOKEN}"}
retention: {keep: 365d, min_entries: 100, max_entries: 20000}
per_hour: 20
backlog: 10
hide: 'tag:sponsored OR title:"(ad)"'
stories: {Jobs: off}
page:
  description: What our group writes
  contact: mailto:planet@harbour.example
  accent: "#0a58ca"
  status: public
  embed: [https://harbour.example]
publish: {id: "tag:harbour.example,2026:/", prefix_titles: on}
websub: {hub: self}
views:
  - {name: security, search: '(cve OR "zero day") -source:vendor'}
  - name: sound
    search: has:audio
order: published
include: [teams/*.yaml]

feeds:
  # Ours first.
  - https://example.org/feed.xml
  - url: https://members.example/feed?token=${MEMBERS_TOKEN}
    name: members
    title: For members
    category: [News, Oslo]
    interval: 30m
    private: true
  - url: https://daily.example/rss
    keep: 'energy OR tag:energy'
    per_day: 5
    backlog: 7d
    paused: false
    request:
      user_agent: Harbour/1.0 (mailto:planet@harbour.example)
      headers:
        X-Api-Key: ${API_TOKEN}
  - https://last.example/atom.xml
  - opml: https://blogs.example/people.opml?key=${MEMBERS_TOKEN}
    category: People
    interval: 6h
"""
TEAM = """\
# The feeds of a team
category: Teams
interval: 2h
feeds:
  - https://team.example/feed.xml
  - url: https://other.example/feed.xml
    title: The others
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The current folder, with the configuration in it and the variables set."""
    for name in ("DATABASE_PASSWORD", "MEMBERS_TOKEN", "API_TOKEN"):
        monkeypatch.setenv(name, f"hunter2-of-{name}")
    monkeypatch.setenv("PORT", "8")
    monkeypatch.chdir(tmp_path)
    Path("teams").mkdir()
    write(PLANET, TEAM)


def write(planet: str, team: str) -> None:
    Path("config.yaml").write_text(planet)
    Path("teams/a.yaml").write_text(team)


def problems() -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.load(Path("config.yaml"))
    return list(caught.value.problems)


def test_the_configuration_is_right_without_a_mistake():
    read = config.load(Path("config.yaml"))

    assert [feed.url for feed in read.feeds][:2] == [
        "https://team.example/feed.xml",
        "https://other.example/feed.xml",
    ]
    assert len(read.feeds) == 6


@pytest.mark.parametrize(
    ("right", "wrong", "report"),
    [
        # the syntax of YAML
        ("title: Planet Harbour", "title: Planet: Harbour",
         '2:14: a ":" too much; put text with ": " in quotes, align keys'),
        ("title: Planet Harbour", "title Planet Harbour",
         '2:1: a key without ":"; write `key: value`'),
        ("title: Planet Harbour", "title:Planet Harbour",
         '2:1: a space is missing behind ":"; write `key: value`'),
        ("title: Planet Harbour", 'title: "Planet Harbour',
         "2:8: this quotation mark is closed only in line 15"),
        ("  timeout: 30s ", "   timeout: 30s ",
         "9:11: does not fit the line above; check the indentation"),
        ("  timeout: 30s ", "\ttimeout: 30s ",
         "9:1: U+0009 (tab) is not a space; remove it, or write a space"),
        ("embed: [https://harbour.example]", "embed: [https://harbour.example",
         "31:10: this list is never closed, or a comma is missing in it"),
        ("web: {host: 0.0.0.0, port: 8080}", "web: {host: 0.0.0.0, port: 8080",
         "6:6: these settings are never closed, or a comma is missing in them"),
        ("title: Planet Harbour", "title: @planet",
         "2:8: text can't begin with @; put it in quotes"),
        ("title: Planet Harbour", "title: *planet",
         "2:8: *planet stands for nothing above"),
        ("title: Planet Harbour", "title: !secret planet",
         "2:8: title: the tag '!secret' means nothing here; remove it"),
        ("per_hour: 20\n", "per_hour: 20\nper_hour: 30\n",
         "23:1: per_hour: stands here twice, first in line 22; keep one"),
        ("order: published\n", "order: published\n---\n",
         "39:1: a second document begins here; keep one, without `---`"),
        ("title: Planet Harbour", "title: Planet\u0007Harbour",
         "2:14: the character U+0007 can't stand in a text file; remove it"),
        ("order: published\n", "order: published\n}\n",
         "39:1: does not fit the lines above; check the indentation and the quotes"),
        ("    name: members\n", "    name members\n",
         '45:5: a key without ":"; write `key: value`'),
        ("  - https://last.example/atom.xml", "  https://last.example/atom.xml",
         "59:3: an address without `- ` before it, or without its key"),
        # keys
        ("timezone: Europe/Oslo", "time_zone: Europe/Oslo",
         '4:1: time_zone: unknown key; did you mean "timezone"?'),
        ("  interval: 1h\n", "  intervall: 1h\n",
         '8:3: poll.intervall: unknown key; did you mean "interval"?'),
        ("per_hour: 20\n", "port: 8080\n",
         '22:1: port: unknown key; "port" belongs under "web"'),
        ("    interval: 30m\n", "    intreval: 30m\n",
         '48:5: feeds[1].intreval: unknown key; did you mean "interval"?'),
        ("slow.example: {delay: 60s}", "slow.example: {pause: 60s}",
         "17:18: hosts.slow.example.pause: unknown key; known here are delay, concurrency, requ"),
        ("  - name: sound\n", "  - nane: sound\n",
         '36:5: views[1].nane: unknown key; did you mean "name"?'),
        ("      user_agent: ", "      useragent: ",
         '56:7: feeds[2].request.useragent: unknown key; did you mean "user_agent"?'),
        ("  status: public", "  state: public",
         '30:3: page.state: unknown key; did you mean "status"?'),
        ("  - url: https://daily.example/rss", "  - ulr: https://daily.example/rss",
         '50:5: feeds[2].ulr: unknown key; did you mean "url"?'),
        ("  - url: https://daily.example/rss\n    keep", "  - keep",
         "50:5: feeds[2].url: missing; every feed needs one"),
        ("    search: has:audio\n", "",
         "36:5: views[1].search: missing; every view needs one"),
        ("timezone:", "timezone\uff1a",
         '4:9: U+FF1A (fullwidth colon) is not ":"; write ":"'),
        # types
        ("poll:\n", "poll: 1h\n",
         "8:11: does not fit the line above; check the indentation"),
        ("web: {host: 0.0.0.0, port: 8080}", "web: 0.0.0.0:8080",
         "6:6: web: must be followed by indented settings, one `key: value` a line"),
        ("    - 10.0.0.0/8\n    - \"nas.local:8080\"\n", "    10.0.0.0/8\n",
         "14:5: network.allow: must be a list; write each after `- `, or in [brackets]"),
        ("stories: {Jobs: off}", "stories: [Jobs]",
         "25:10: stories: must be one value, not a list"),
        ("title: Planet Harbour", "title: [Planet, Harbour]",
         "2:8: title: must be one value, not a list"),
        ("title: Planet Harbour", "title:",
         "2:7: title: empty; write a value, or remove the line"),
        ("  - https://example.org/feed.xml", "  - [https://example.org/feed.xml]",
         "43:5: feeds[0]: must be an address or settings, not a list"),
        ("  - https://example.org/feed.xml", "  -",
         "43:4: feeds[0]: empty; write a feed's address, or remove the dash"),
        ("  paused: false", "  paused: perhaps",
         '54:13: feeds[2].paused: "perhaps" is neither; write true or false'),
        ('      headers: {Authorization: "Bearer ${API_TOKEN}"}', "      headers: [Authorization]",
         "20:16: hosts.api.example.request.headers: must be followed by indented headers, one `"),
        # variables
        ("${DATABASE_PASSWORD}", "${DATABASE_PASWORD}",
         "5:31: database: ${DATABASE_PASWORD} has no value; set DATABASE_PASWORD in the environ"),
        ("${MEMBERS_TOKEN}", "${file:secrets/token}",
         '44:45: feeds[1].url: there is no file "secrets/token" in "'),
        ("${MEMBERS_TOKEN}", "${MEMBERS TOKEN}",
         "44:45: feeds[1].url: ${MEMBERS TOKEN} is not a variable; write ${NAME}, ${NAME:-text}"),
        ("${MEMBERS_TOKEN}", "${MEMBERS_TOKEN",
         "44:45: feeds[1].url: ${ is never closed; write ${NAME}, ${NAME:-text} or ${file:PATH}"),
        ("Bearer ${API_TOKEN}", "Bearer ${NO_TOKEN}",
         "20:40: hosts.api.example.request.headers.Authorization: ${NO_TOKEN} has no value; set"),
        ("    interval: 30m", "    interval: ${PORT}m30",
         '48:15: feeds[1].interval: "8m30" is not a span of time; write 30s, 15m, 1h, 1h30m or'),
        # values
        ("  interval: 1h\n", "  interval: 90\n",
         "8:13: poll.interval: 90 of what? Write a unit: 90s, 90m or 90h"),
        ("  interval: 1h\n", "  interval: 1 fortnight\n",
         '8:13: poll.interval: "fortnight" is not a unit of time; use s, m, h, d or w'),
        ("  timeout: 30s ", "  timeout: 2h ",
         '9:12: poll.timeout: "2h" is out of range; write 1s to 1h'),
        ("  max_size: 10MB", "  max_size: 10 Mbit",
         '10:13: poll.max_size: "10 Mbit" is not a size; write 512kB, 10MB, 10MiB or a number o'),
        ("concurrency: 16", "concurrency: 5000",
         '11:16: poll.concurrency: "5000" is out of range; write 1 to 1000'),
        ("port: 8080", "port: 80800",
         '6:28: web.port: "80800" is out of range; write 0 to 65535'),
        ("host: 0.0.0.0", 'host: "*"',
         '6:13: web.host: "*" is not an address; write 0.0.0.0 to listen on all of them'),
        ("Europe/Oslo", "Europe/Olso",
         '4:11: timezone: "Europe/Olso" is not a time zone; did you mean Europe/Oslo?'),
        ("Europe/Oslo", '"+02:00"',
         '4:11: timezone: "+02:00" is not a time zone; write UTC or Europe/Berlin'),
        ("keep: 365d", "keep: forever",
         '21:19: retention.keep: "forever" is not a span of time; write 30s, 15m, 1h, 1h30m or'),
        ("min_entries: 100", "min_entries: -1",
         '21:38: retention.min_entries: "-1" is out of range; write 0 to 1000000'),
        ("per_hour: 20", "per_hour: many",
         '22:11: per_hour: "many" is not a whole number; write 1 to 10000'),
        ("backlog: 10\n", "backlog: ten\n",
         '23:10: backlog: "ten" is not a backlog; write all, a number of posts, or 7d'),
        ("    backlog: 7d", "    backlog: 7 fortnights",
         '53:14: feeds[2].backlog: "fortnights" is not a unit of time; use s, m, h, d or w'),
        ("    per_day: 5", "    per_day: 0",
         '52:14: feeds[2].per_day: "0" is out of range; write 1 to 10000'),
        ("order: published", "order: newest",
         '38:8: order: "newest" is neither; write published or arrival'),
        ("prefix_titles: on", "prefix_titles: 1",
         '32:60: publish.prefix_titles: "1" is neither on nor off; write one of them'),
        ("status: public", "status: private",
         '30:11: page.status: "private" is neither public nor off; write one of them'),
        ('accent: "#0a58ca"', 'accent: "#ffe08a"',
         "29:11: page.accent: #ffe08a is hard to read in the light theme (contrast 1.23:1, at l"),
        ('accent: "#0a58ca"', "accent: #0a58ca",
         '29:10: page.accent: empty; # begins a comment, so write a colour in quotes: "#a83c08"'),
        # addresses and names
        ("https://planet.example/news", "planet.example/news",
         '3:11: base_url: "planet.example/news" is not complete; write http:// or https:// befo'),
        ("https://planet.example/news", "https://me:pw@planet.example/",
         "3:11: base_url: stands in every published feed; leave out user and password"),
        ("postgresql://planet:${DATABASE_PASSWORD}@db/planet", "mysql://db/planet",
         "5:11: database: \"mysql://db/planet\" can't be used; write sqlite:///aggregator.db or"),
        ("postgresql://planet:${DATABASE_PASSWORD}@db/planet", "sqlite://",
         "5:11: database: a database in memory is lost at every start, and the web pages can't"),
        ("- 10.0.0.0/8", "- 10.0.0.1/8",
         '14:7: network.allow[0]: "10.0.0.1/8" names one host in a network; write 10.0.0.0/8'),
        ('"nas.local:8080"', '"http://nas.local/"',
         '15:7: network.allow[1]: "http://nas.local/" is a URL; write the host alone: nas.local'),
        ('"nas.local:8080"', '"*.local"',
         '15:7: network.allow[1]: "*.local" is neither address nor host; write each host by its'),
        ("slow.example:", "https://slow.example/:",
         '17:3: hosts.https://slow.example/: "https://slow.example/" is a URL; write the host a'),
        ("slow.example: {delay: 60s}", "slow.example: {}\n  www.slow.example: {}",
         '18:3: hosts.www.slow.example: "www.slow.example" is the same site as "slow.example";'),
        ("mailto:planet@harbour.example\n", "planet@harbour.example\n",
         '28:12: page.contact: "planet@harbour.example" is not complete; write mailto:planet@ha'),
        ("embed: [https://harbour.example]", "embed: [https://harbour.example, https://*.example]",
         '31:36: page.embed[1]: "https://*.example" stands for many sites; write each of them:'),
        ("hub: self", "hub: hub.example",
         '33:15: websub.hub: "hub.example" is not a hub; write https://hub.example.org/ or self'),
        ('"tag:harbour.example,2026:/"', "harbour",
         '32:15: publish.id: "harbour" is not an absolute URI; write tag:feeds.example.org,2026'),
        ("https://last.example/atom.xml", "last.example/atom",
         '59:5: feeds[3]: "last.example/atom": add https:// if it is on the web; there is no su'),
        ("https://last.example/atom.xml", "ftp://last.example/atom",
         "59:5: feeds[3]: \"ftp:\" can't be polled; write an http:// or https:// URL"),
        ("https://last.example/atom.xml", "feed://last.example/atom",
         '59:5: feeds[3]: feed: is not a protocol; write "https://last.example/atom"'),
        ("https://last.example/atom.xml", "../atom.xml",
         '59:5: feeds[3]: "../atom.xml" leaves the folder of config.yaml; copy the file into it'),
        ("https://last.example/atom.xml", "file:///srv/atom.xml",
         "59:5: feeds[3]: copy the file into the folder of config.yaml and write its path from"),
        ("https://last.example/atom.xml", "HTTPS://Example.org:443/feed.xml",
         "59:5: feeds[3]: the same feed as feeds[0] in line 43; remove one"),
        ("https://last.example/atom.xml", '"https://last.example/a b.xml"',
         '59:5: feeds[3]: "https://last.example/a b.xml" has a space in it; write %20 for it'),
        ("https://last.example/atom.xml", "{url: https://last.example/atom.xml, name: members}",
         '59:48: feeds[3].name: "members" is the name of feeds[1] in line 44; write another'),
        ("name: members", "name: our members",
         '45:11: feeds[1].name: "our members" may only have letters, digits, - _ and .; write o'),
        ("[News, Oslo]", "[News, Oslo, news]",
         '47:28: feeds[1].category[2]: "news" is the same category as "News"; remove one'),
        ("[News, Oslo]", '[News, ""]',
         "47:22: feeds[1].category[1]: empty; write some text, or leave the line out"),
        # rules
        ("'tag:sponsored OR title:\"(ad)\"'", "'tag:sponsored OR title:\"(ad)'",
         "24:31: hide: '\"' is never closed"),
        ("'energy OR tag:energy'", "(energy OR tag:energy",
         '51:11: feeds[2].keep: "(" is never closed'),
        ("'energy OR tag:energy'", "energy AND tag:",
         '51:25: a ":" too much; put text with ": " in quotes, align keys'),
        ("'energy OR tag:energy'", "",
         "51:10: feeds[2].keep: empty; write a value, or remove the line"),
        ("search: has:audio", "search: has:music",
         "37:13: views[1].search: has:music: write audio, video or picture"),
        ("name: sound", "name: security",
         '36:11: views[1].name: "security" is the name of views[0]; write another'),
        # requests
        ("X-Api-Key: ${API_TOKEN}", "Host: daily.example",
         "58:9: feeds[2].request.headers.Host: is a header that only the program itself can set"),
        ("X-Api-Key: ${API_TOKEN}", "X Api Key: ${API_TOKEN}",
         "58:9: feeds[2].request.headers: has a name that is not one of a header: write letters"),
        ("X-Api-Key: ${API_TOKEN}", 'X-Api-Key: "schlüssel"',
         "58:20: feeds[2].request.headers.X-Api-Key: has a character that no header may have (U"),
        ("X-Api-Key: ${API_TOKEN}", "X-Api-Key: [a, b]",
         "58:20: feeds[2].request.headers.X-Api-Key: must be one value, not a list"),
        ("        X-Api-Key: ${API_TOKEN}\n", "      proxy: socks4://proxy.example:1080\n",
         "58:14: feeds[2].request.proxy: \"socks4://proxy.example:1080\" can't be used; write"),
        ("        X-Api-Key: ${API_TOKEN}\n", "      proxy: socks5://proxy.example\n",
         '58:14: feeds[2].request.proxy: "socks5://proxy.example" has no port; write socks5://p'),
        ("network:\n", "network:\n  proxy: proxy.example:3128\n",
         '13:10: network.proxy: "proxy.example:3128" is not complete; write http:// or socks5:/'),
        ("network:\n", "network:\n  proxy: http://proxy.example:3128\n",
         "34:15: websub.hub: self needs direct requests; remove network.proxy, or write the URL"),
        # OPML lists
        ("    category: People", "    url: https://blogs.example/",
         '61:5: feeds[4].url: unknown key; "url" belongs to a feed, not to an OPML list'),
        ("    category: People", "    name: people",
         '61:5: feeds[4].name: unknown key; "name" belongs to a feed, not to an OPML list'),
        ("    category: People", "    catgory: People",
         '61:5: feeds[4].catgory: unknown key; did you mean "category"?'),
        ("  - opml: https", "  - ompl: https",
         '60:5: feeds[4].ompl: unknown key; did you mean "opml"?'),
        ("opml: https://blogs.example/people.opml?key=${MEMBERS_TOKEN}", "opml:",
         "60:10: feeds[4].opml: empty; write a value, or remove the line"),
        ("people.opml?key=${MEMBERS_TOKEN}", "people.opml?key=${MEMBERS_TOKN}",
         "60:49: feeds[4].opml: ${MEMBERS_TOKN} has no value; set MEMBERS_TOKN in the environm"),
        ("https://blogs.example/people.opml?key=${MEMBERS_TOKEN}", "../people.opml",
         '60:11: feeds[4].opml: "../people.opml" leaves the folder of config.yaml; copy the fil'),
        ("  - opml: https", "  - opml: a.opml\n  - opml: ./a.opml\n  - opml: https",
         "61:11: feeds[5].opml: the same list as feeds[4] in line 60; remove one"),
        ("    interval: 6h", "    interval: 6",
         "62:15: feeds[4].interval: 6 of what? Write a unit: 6s, 6m or 6h"),
        # included files
        ("[teams/*.yaml]", "teams/*.yaml",
         "39:10: include: must be a list; write each after `- `, or in [brackets]"),
        ("[teams/*.yaml]", "[teams/a.yaml, teams/b.yaml]",
         '39:25: include[1]: there is no file "teams/b.yaml"'),
        ("[teams/*.yaml]", "[teams/*.yaml, config.yaml]",
         '39:25: include[1]: "config.yaml" is this file; name another'),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_told_alone_and_in_its_place(right, wrong, report):
    assert PLANET.count(right) >= 1
    write(PLANET.replace(right, wrong, 1), TEAM)

    (line,) = problems()

    assert line.startswith(f"config.yaml:{report}")


@pytest.mark.parametrize(
    ("right", "wrong", "report"),
    [
        ("interval: 2h", "interval: 2 hrs 5",
         'teams/a.yaml:3:11: interval: "2 hrs 5" is not a span of time; write 30s, 15m, 1h, 1h3'),
        ("category: Teams", "categori: Teams",
         'teams/a.yaml:2:1: categori: unknown key; did you mean "category"?'),
        ("feeds:\n", "feed:\n",
         'teams/a.yaml:4:1: feed: unknown key; did you mean "feeds"?'),
        ("    title: The others", "    name: members",
         'config.yaml:45:11: feeds[1].name: "members" is the name of feeds[1] in teams/a.yaml:6; '),
        ("    title: The others", "     title: The others",
         "teams/a.yaml:7:11: does not fit the line above; check the indentation"),
        ("https://team.example/feed.xml", "https://team.example/feed.xml?t=${TEAM}",
         "teams/a.yaml:5:37: feeds[0]: ${TEAM} has no value; set TEAM in the environment of the"),
        ("https://team.example/feed.xml", "https://example.org/feed.xml",
         "config.yaml:43:5: feeds[0]: the same feed as feeds[0] in teams/a.yaml:5; remove one"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_included_file_is_told_alone_and_in_its_place(right, wrong, report):
    assert TEAM.count(right) >= 1
    write(PLANET, TEAM.replace(right, wrong, 1))

    (line,) = problems()

    assert line.startswith(report)


def test_mistakes_in_several_files_are_told_together():
    write(PLANET.replace("timezone:", "time_zone:"), TEAM.replace("category:", "categori:"))

    assert problems() == [
        'config.yaml:4:1: time_zone: unknown key; did you mean "timezone"?',
        'teams/a.yaml:2:1: categori: unknown key; did you mean "category"?',
    ]


def test_no_message_shows_a_secret():
    write(PLANET.replace("interval: 30m", "interval: ${API_TOKEN}"), TEAM)

    (line,) = problems()

    assert line.startswith("config.yaml:48:15: feeds[1].interval: ")
    assert "hunter2" not in line
