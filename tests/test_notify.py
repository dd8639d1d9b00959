"""Notifications: who is told what, once, also after failures and kills."""

import asyncio
import contextlib
import random
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from aggregator.config import load
from aggregator.database.clock import clock_option
from aggregator.database.episodes import write_episodes
from aggregator.database.lists import write_relisting
from aggregator.database.notification_tables import notification_queue, notification_targets
from aggregator.database.notifications import read_notifications
from aggregator.database.writer import run_after_reading
from aggregator.model import EntryId
from aggregator.model.health_episodes import EpisodeChanges, EpisodeKind, Trouble
from aggregator.notifications.message_text import posts_message
from aggregator.scheduler import config_sync
from aggregator.scheduler.message_process import send_messages
from aggregator.scheduler.notifier import Notifier
from tests.feedserver import FeedServer
from tests.message_receiver import MessageReceiver
from tests.preloaded import Program
from tests.running import HANGS_AFTER, command, eventually, one_line, rss, write_config
from tests.test_episodes import Clock
from tests.worlds import NOW, SETTINGS, entry, new_database, record
from web import create_app

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOTIFIED = replace(SETTINGS, notified=True)
FILE = """
title: Daybook
base_url: https://posts.example
views: [{name: boats, title: Boats, search: boat}]
feeds:
  - {name: lamp, url: "https://lamp.example/feed", category: Trade, title: Lamp}
  - {name: tide, url: "https://tide.example/feed", title: Tide}
notify:
"""


@pytest.fixture(scope="module")
def receiver():
    with MessageReceiver() as receiver:
        yield receiver


class Told:
    """A database with targets, and the job that tells them."""

    def __init__(self, folder: Path, receiver: MessageReceiver, *targets: str) -> None:
        self.receiver = receiver
        receiver.status = 200
        receiver.taken()
        self.clock, self.folder = Clock(), folder
        self.engine = new_database(folder).execution_options(**clock_option(self.clock))
        self.number = 0
        self.configure(*targets)
        for name in ("lamp", "tide"):
            self.poll(name, 3)  # a backlog
        self.notifier = self.process("here")

    def configure(self, *targets: str, text: str = FILE) -> None:
        lines = "".join(
            f"  - {{{target}}}\n".replace("TO", self.receiver.address(str(index)))
            for index, target in enumerate(targets)
        )
        (self.folder / "config.yaml").write_text(text + (lines or "  []"))
        self.config = load(self.folder / "config.yaml")
        with self.engine.begin() as connection:
            config_sync.follow(connection, self.config)
        write_relisting.relist_all(self.engine)

    def process(self, name: str) -> Notifier:
        return Notifier(name, self.transact, lambda: self.config, send=self.send)

    async def send(self, _database: str, owner: str, messages) -> None:
        """Send in this process, and no other one has the clock of the test."""
        waits = (MINUTE, 5 * MINUTE)
        send_messages(self.engine, owner, messages, retry_waits=waits)

    async def transact(self, work):
        return run_after_reading(self.engine, work)

    def poll(self, name: str, count: int = 1, **values) -> None:
        """Bring new posts of a feed."""
        posts = []
        for _ in range(count):
            self.number += 1
            posts.append(entry(self.number, **{"guid": f"g{self.number}"} | values))
        record(self.engine, name, posts, now=self.clock.time, settings=NOTIFIED)

    def after(self, span: timedelta, *notifiers: Notifier) -> list[tuple[str, str, str]]:
        """Return what is told after a time: the number of the target, title and text."""
        self.clock.time += span

        async def work() -> None:
            await asyncio.gather(*(job.work() for job in notifiers or (self.notifier,)))

        asyncio.run(work())
        return self.receiver.taken()

    @property
    def queued(self) -> int:
        with self.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(notification_queue)) or 0


@pytest.mark.slow
def test_each_target_is_told_once_of_what_its_list_got(tmp_path, receiver):
    told = Told(
        tmp_path, receiver,
        "name: all, to: TO, every: 1m",
        "name: views, to: TO, of: 'view:boats', every: 1m",
        "name: trade, to: TO, of: 'category:Trade', every: 1m",
        "name: tides, to: TO, of: 'source:tide', every: 1m",
    )  # fmt: skip

    assert told.after(HOUR) == []  # neither the backlog nor what came before the target
    told.poll("tide", title="A boat & a <b>")
    told.poll("lamp", 2, title="Lamps")
    assert told.after(MINUTE / 2) == []
    messages = sorted(told.after(MINUTE / 2))

    assert [message[:2] for message in messages] == [
        ("0", "Daybook: 3 new posts"),
        ("1", "Boats: A boat & a <b>"),
        ("2", "Trade: 2 new posts"),
        ("3", "Tide: A boat & a <b>"),
    ]
    assert messages[1][2].splitlines() == [
        "- A boat & a <b> (Tide)",
        "  https://example.org/post-7",
        "https://posts.example/view/boats",
    ]
    assert told.after(DAY) == []
    assert told.queued == 0


def test_a_message_has_ten_titles_and_counts_the_others(tmp_path, receiver):
    told = Told(tmp_path, receiver, "name: all, to: TO, every: 15m", "name: day, to: TO, every: 1d")
    told.poll("lamp", 20)
    told.poll("tide", 13)

    ((_, title, text),) = told.after(15 * MINUTE)
    ((target, _, digest),) = told.after(DAY)

    assert title == "Daybook: 33 new posts"
    assert text.count("\n- ") + 1 == 10
    assert text.splitlines()[-2:] == ["and 23 more", "https://posts.example/"]
    assert target == "1"
    assert digest.count("\n- ") + 1 == 33


def test_neither_edits_nor_changed_rules_are_told(tmp_path, receiver):
    told = Told(tmp_path, receiver, "name: boats, to: TO, of: 'view:boats', every: 1m")
    told.poll("lamp", guid="same", title="Nothing")
    told.after(MINUTE)
    record(
        told.engine, "lamp", [entry(90, guid="same", title="A boat now")],
        now=told.clock.time, settings=NOTIFIED,
    )  # fmt: skip
    assert told.after(HOUR) == []

    told.configure(
        "name: boats, to: TO, of: 'view:boats', every: 1m",
        text=FILE.replace("search: boat", "search: 'boat OR post'"),
    )
    assert told.after(HOUR) == []


def test_what_a_rule_hides_before_the_message_is_not_told(tmp_path, receiver):
    told = Told(tmp_path, receiver, "name: all, to: TO, every: 1h")
    told.poll("lamp", title="An advertisement")

    told.configure("name: all, to: TO, every: 1h", text=f"hide: advertisement\n{FILE}")

    assert told.after(HOUR) == []
    assert told.queued == 0


def test_a_new_or_changed_target_begins_with_what_comes(tmp_path, receiver):
    told = Told(tmp_path, receiver, "name: all, to: TO, every: 1m")
    told.poll("lamp")
    told.configure("name: all, to: TO, of: 'source:lamp', every: 1m", "name: b, to: TO, every: 1m")

    assert told.after(HOUR) == []
    told.poll("lamp", title="Next")
    assert sorted(message[:2] for message in told.after(MINUTE)) == [
        ("0", "Lamp: Next"),
        ("1", "Daybook: Next"),
    ]


def test_a_failure_is_repeated_with_growing_waits_shown_and_then_told(tmp_path, receiver, caplog):
    told = Told(tmp_path, receiver, "name: phone, to: TO, every: 1m")
    told.poll("lamp", title="First")
    receiver.status = 503
    told.after(MINUTE)
    client = create_app(told.config, told.engine).test_client()

    assert "notify: phone: not sent: the service answered 503; next attempt at 20" in caplog.text
    assert "127.0.0.1:" not in caplog.text
    assert "Messages to <bdi>phone</bdi> cannot be sent." in client.get("/status").text
    assert told.after(MINUTE / 2) == []
    told.after(MINUTE / 2)
    told.poll("tide", title="Second")
    receiver.status = 200
    assert told.after(4 * MINUTE) == []  # five minutes after the second failure
    ((_, title, text),) = told.after(MINUTE)

    assert title == "Daybook: 2 new posts"
    assert "First" in text
    assert "Second" in text
    with told.engine.connect() as connection:
        assert read_notifications.failing_targets(connection) == []


def test_of_two_processes_one_tells(tmp_path, receiver):
    told = Told(tmp_path, receiver, "name: all, to: TO, every: 1m")
    told.poll("lamp")

    here, there = told.process("here"), told.process("there")

    assert len(told.after(MINUTE, here, there)) == 1


def test_a_process_that_ended_in_the_middle_leaves_the_message_to_others(tmp_path, receiver):
    told = Told(tmp_path, receiver, "name: all, to: TO, every: 1m")
    told.poll("lamp")
    with told.engine.begin() as connection:
        until = told.clock.time + 3 * MINUTE
        values = {"taken_by": "elsewhere 1", "taken_until": until}
        connection.execute(notification_targets.update().values(values))

    assert told.after(2 * MINUTE) == []
    assert len(told.after(MINUTE)) == 1


def test_a_target_of_health_is_told_of_each_change_of_an_episode(tmp_path, receiver):
    told = Told(tmp_path, receiver, "name: me, to: TO, of: health, every: 1m")
    trouble = Trouble(EpisodeKind.CONFIG, told.clock.time)
    with told.engine.begin() as connection:
        write_episodes.write_changes(
            connection, EpisodeChanges(opened=(trouble,)), now=told.clock.time
        )

    assert [message[:2] for message in told.after(MINUTE)] == [
        ("0", "Daybook: config.yaml has a mistake")
    ]
    assert told.after(DAY) == []


@pytest.mark.parametrize(
    ("item", "advice"),
    [
        ("name: a", "notify[0].to: missing; every target needs one"),
        ("name: a, to: nonsense", "notify[0].to: not the address of a service"),
        ("name: a, to: 'tgram://hunter2'", "notify[0].to: not the address of a service"),
        ("name: a, to: TO, of: views", "notify[0].of: \"views\": write all, health, view:NAME"),
        ("name: a, to: TO, of: 'view:x'", 'notify[0].of: no view is called "x"; there is view:b'),
        ("name: a, to: TO, of: 'category:x'", "no category is called \"x\"; there is category:tr"),
        ("name: a, to: TO, every: 0s", "notify[0].every"),
        ("name: a, to: TO, evry: 1h", 'unknown key'),
    ],
)  # fmt: skip
def test_a_wrong_target_is_refused_without_its_address(tmp_path, receiver, item, advice):
    line = item.replace("TO", receiver.address("x"))
    (tmp_path / "config.yaml").write_text(f"{FILE}  - {{{line}}}\n")

    text = one_line(command(tmp_path, "check"), 2)

    assert advice in text
    assert "hunter2" not in text


def test_without_apprise_the_file_says_how_to_install_it(tmp_path, receiver, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    line = f"name: a, to: '{receiver.address('x')}'"
    (tmp_path / "config.yaml").write_text(f"{FILE}  - {{{line}}}\n")

    assert "pip install apprise" in one_line(command(tmp_path, "check"), 2)


def test_the_command_sends_a_trial_and_names_failures_without_the_address(tmp_path, receiver):
    receiver.status = 200
    receiver.taken()
    write_config(tmp_path, [], notify=f"[{{name: phone, to: '{receiver.address('k3y')}'}}]")

    assert command(tmp_path, "notify", "--test", "phone").stdout == "phone: sent\n"
    assert [message[1] for message in receiver.taken()] == ["Recent posts: trial"]
    assert "did you mean phone?" in one_line(command(tmp_path, "notify", "--test", "phon"), 2)
    receiver.status = 401
    text = one_line(command(tmp_path, "notify", "--test", "phone"), 1)
    assert text == "phone: not sent: the service answered 401"
    receiver.status = 200


def test_html_is_escaped_and_has_links():
    site_entry = entry(1, title="<b>", url="https://a.example/?a=1&b=2")
    listed = replace_entry(site_entry)

    message = posts_message("A & B", [listed], 1, list_url="https://p.example/", every=7 * DAY)

    assert '<a href="https://a.example/?a=1&amp;b=2">&lt;b&gt;</a> (So &amp; so)' in message.html
    assert message.title == "A & B: <b>"


def replace_entry(clean):
    from aggregator.model import ListedEntry, Source

    return ListedEntry(
        id=EntryId(1), public_id="x:1", source=Source(1, "s", "So & so", "https://s.example/"),
        url=clean.url, title=clean.title, title_html="", summary="", listed_at=NOW,
        first_seen_at=NOW, changed_at=NOW,
    )  # fmt: skip


def test_a_fault_of_a_service_is_a_failure_like_any_other(tmp_path, receiver, monkeypatch):
    told = Told(tmp_path, receiver, "name: phone, to: TO, every: 1m")
    told.poll("lamp")

    def fail(*_arguments, **_options):
        raise TypeError(receiver.address("secret"))

    monkeypatch.setattr("apprise.plugins.custom_json.NotifyJSON.notify", fail)
    assert told.after(MINUTE) == []
    with told.engine.connect() as connection:
        (failing,) = read_notifications.failing_targets(connection)
    assert failing.reason == "the service's part of Apprise failed: TypeError"


@pytest.mark.slow
def test_twenty_kills_lose_and_double_nothing(tmp_path, receiver):
    receiver.status = 200
    receiver.taken()
    chosen, items, titles, told = random.Random(7), [], [], []

    def publish() -> None:
        titles.append(f"Post {len(titles)}")
        items.insert(0, (str(len(titles)), titles[-1], None))
        server.put("/feed", rss(items))

    with FeedServer() as server:
        publish()
        write_config(
            tmp_path,
            [f"{{url: {server.url('/feed')}, name: lamp, interval: 1s}}"],
            notify=f"[{{name: all, to: '{receiver.address('all')}', every: 1s}}]",
        )
        assert command(tmp_path, "poll").returncode == 0
        for _ in range(20):
            publish()
            with scheduling(tmp_path) as process:
                time.sleep(chosen.uniform(0.3, 2.5))
                publish()
                time.sleep(chosen.uniform(0, 0.3))
                process.kill()

        def told_count() -> int:
            told.extend(text for _, _, text in receiver.taken())
            return sum(text.count("- Post ") + further(text) for text in told)

        with scheduling(tmp_path):
            eventually(lambda: told_count() >= len(titles) - 1)  # all but the backlog

    named = [
        title for text in told for title in re.findall(r"^- (Post \d+) \(", text, re.MULTILINE)
    ]
    assert told_count() == len(titles) - 1
    assert len(named) == len(set(named))
    assert "Post 0" not in named


def further(text: str) -> int:
    """Return how many posts a message counts without their titles."""
    match = re.search(r"^and (\d+) more$", text, re.MULTILINE)
    return int(match[1]) if match else 0


@contextlib.contextmanager
def scheduling(folder: Path) -> Iterator[Program]:
    process = Program("schedule", cwd=folder, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(HANGS_AFTER)
