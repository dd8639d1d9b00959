"""docs/recipes.md: its configurations are valid, its commands and alerts do what the page says."""

import json
import re
import shlex
import shutil
import subprocess
from collections import Counter
from urllib.parse import urlsplit

import pytest

from aggregator.cli.config_patch import patch_of
from aggregator.config import NewAddress, load, with_new_addresses
from aggregator.database import open_database
from aggregator.model import Enclosure
from tests.document_blocks import ROOT, blocks, configurations, file_of_others
from tests.feedserver import FeedServer
from tests.running import command, rss
from tests.web_fixtures import Site, entry
from tests.worlds import NOW
from web import create_app

PAGE = "docs/recipes.md"
DEPLOY = "docs/deploy.md"
COMMANDS = [shlex.split(line) for text in blocks(PAGE, "sh") for line in text.splitlines()]
PIPELINES = [words for words in COMMANDS if words[0] != "aggregator"]
AUDIO = Enclosure(url="https://lamp.example/1.mp3", type="audio/mpeg", length=1)


@pytest.mark.parametrize("text", configurations(PAGE))
def test_a_part_of_a_configuration_is_valid_without_remarks(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text, "utf-8")

    done = command(tmp_path, "check", "--without-env")

    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"config\.yaml: fine[;,] .+\n", done.stdout)


@pytest.mark.parametrize(
    ("language", "path", "link", "title", "dated"),
    [
        ("html", "/about/", "/glass/", "Which glass for which lamp", "19 minutes ago"),
        ("json", "/api/posts?limit=20", "/glass/", "Which glass for which lamp", "1796038860"),
        ("xml", "/sitemap.xml", "/lamps/table-lamp-7.html", "Table lamp 7", "2026-11-23"),
    ],
)
def test_the_document_of_a_recipe_gives_the_post_that_its_selectors_promise(
    tmp_path, language, path, link, title, dated
):
    (document,) = [block for block in blocks(PAGE, language) if link in block]
    (text,) = [text for text in configurations(PAGE) if path in text and "select:" in text]
    with FeedServer() as server:
        server.put(path, document)
        text = f"network: {{allow: [127.0.0.1]}}\n{text}"
        text = text.replace(f"https://example.org{path}", server.url(path))
        (tmp_path / "config.yaml").write_text(text)
        printed = command(tmp_path, "preview", server.url(path), "--json").stdout
    posts = [post for post in json.loads(printed)["posts"] if "/imprint" not in post["link"]]

    (post,) = posts
    assert post["link"].endswith(link)
    assert post["title"] == title
    assert post["date"]["text"] == dated
    if language != "xml":
        assert post["excerpt"].startswith("Clear glass is brighter")


def test_the_page_is_added_with_the_selectors_that_the_program_proposes(tmp_path):
    (html,) = blocks(PAGE, "html")
    post = html[html.index("  <li>") : html.index("</ul>")]
    html = html.replace(post, post + post.replace("glass", "wick"))
    (tmp_path / "config.yaml").write_text("network: {allow: [127.0.0.1]}\nfeeds: []\n")
    commands = [words[1:] for words in COMMANDS if words[0] == "aggregator"]
    with FeedServer() as server:
        server.put("/about/", f"<!doctype html>{html}")
        url = server.url("/about/")
        for words in commands:
            done = command(tmp_path, *[url if word.startswith("http") else word for word in words])
            assert done.returncode == 0
        posts = json.loads(command(tmp_path, "preview", url, "--json").stdout)["posts"]

    assert [words[0] for words in commands] == ["preview", "add"]
    assert {post["title"] for post in posts} == {
        "Which glass for which lamp",
        "Which wick for which lamp",
    }
    assert {post["date"]["text"] for post in posts} == {"19 minutes ago"}


def test_the_patch_of_doctor_is_that_of_the_page(tmp_path):
    (diff,) = blocks(PAGE, "diff")
    (text,) = [text for text in configurations(PAGE) if "https://lamp.example/blog/ " in text]
    path = tmp_path / "config.yaml"
    path.write_text(text)
    url = "https://lamp.example/blog/"

    files, _ = with_new_addresses(path, [NewAddress(url, f"{url}feed.xml")])

    assert patch_of(files, tmp_path).strip() == diff.strip()


def test_the_health_feed_tells_of_a_removed_feed_once_and_of_its_end(tmp_path):
    (text,) = [text for text in configurations(PAGE) if text.startswith("language: de")]
    path = tmp_path / "config.yaml"

    def entries() -> list[tuple[str, str]]:
        assert command(tmp_path, "poll").returncode == 0
        config = load(path)
        engine = open_database(config.database)
        items = create_app(config, engine).test_client().get("/status/feed.json").json["items"]
        engine.dispose()
        return [(item["id"], item["title"]) for item in items]

    with FeedServer() as server:
        server.put("/lamp", rss([("a", "Post", NOW)]))
        server.put("/mast", b"", status=410)
        written = text.replace("https://lamp.example/feed.xml", server.url("/lamp"))
        written = written.replace("https://mast.example/feed.xml", server.url("/mast"))
        written = f"network: {{allow: [127.0.0.1]}}\n{written}"
        path.write_text(written)
        ((opened, title),) = entries()
        path.write_text("".join(written.splitlines(keepends=True)[:-1]))
        ended = entries()

    assert title == "Mast wurde vom Herausgeber entfernt"
    assert f'"{title}"' in (ROOT / PAGE).read_text().replace("\n", " ")
    assert ended == [(opened, f"Vorbei: {title}")]


def test_a_feed_of_rss_bridge_has_the_name_of_the_service_which_is_allowed():
    (service,) = file_of_others(PAGE, "services")["services"]
    (text,) = [text for text in configurations(PAGE) if "bridge=" in text]

    assert f"url: http://{service}/?" in text
    assert f'allow: ["{service}:80"]' in text


@pytest.mark.parametrize("page", [PAGE, DEPLOY])
def test_alerts_compare_figures_that_the_program_has(tmp_path, page):
    figures = Site(tmp_path).client.get("/metrics").text
    rules = alerts(page)
    names = [name for rule in rules for name in re.findall(r"aggregator_\w+", rule["expr"])]

    assert names and [name for name in names if f"\n{name} " not in figures] == []


def alerts(page: str) -> list[dict[str, str]]:
    (group,) = file_of_others(page, "groups")["groups"]
    return list(group["rules"])


def test_prometheus_asks_the_address_at_which_the_program_listens(tmp_path):
    (job,) = file_of_others(PAGE, "scrape_configs")["scrape_configs"]
    web = Site(tmp_path).config.web

    assert job["static_configs"] == [{"targets": [f"{web.host}:{web.port}"]}]
    assert "metrics_path" not in job  # Prometheus asks for /metrics by itself
    assert f'up{{job="{job["job_name"]}"}} == 0' in [rule["expr"] for rule in alerts(DEPLOY)]


@pytest.mark.skipif(shutil.which("jq") is None, reason="NOT TESTED: jq is not installed")
def test_jq_prints_posts_and_counts_them_by_source(tmp_path):
    site = Site(tmp_path)
    site.subscribe()
    site.record("lamp", entry(1, enclosures=(AUDIO,)), entry(2))
    site.record("tide", entry(3))

    newest, found, counts = (printed(site, pipeline) for pipeline in PIPELINES)

    items = site.client.get("/feed.json").json["items"]
    assert len(items) == 3
    titles = [item["_source"]["title"] for item in items]
    assert newest == [
        f"{item['date_published']}\t{item['_source']['title']}\t{item['title']}" for item in items
    ]
    (audio,) = [item for item in items if "attachments" in item]
    assert found == [f"- [{audio['title']}]({audio['url']})"]
    assert counts == [f"{count} {title}" for title, count in Counter(titles).most_common()]


def printed(site: Site, pipeline: list[str]) -> list[str]:
    """Return what `curl -s URL | jq -r PROGRAM` prints with the program's answer."""
    curl, silent, url, pipe, jq, raw, program = pipeline
    assert (curl, silent, pipe, jq, raw) == ("curl", "-s", "|", "jq", "-r")
    address = urlsplit(url)
    assert f"{address.scheme}://{address.netloc}" == "http://127.0.0.1:8080"
    answer = site.client.get(f"{address.path}?{address.query}")
    assert answer.status_code == 200 and json.loads(answer.text)
    done = subprocess.run(
        [jq, raw, program], input=answer.text, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()
