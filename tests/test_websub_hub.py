"""WebSub: our own hub, with real subscribers."""

import asyncio
import contextlib
import hashlib
import hmac
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from aggregator.config import PageOptions
from aggregator.database.hub_table import hub_requests
from aggregator.database.schema import subscribers
from aggregator.database.websub import write_requests, write_subscribers
from aggregator.fetch import FetchSettings, WebSubClient
from aggregator.merged import Publication
from aggregator.model import Subscription
from aggregator.websub.hub_limits import HubLimits
from aggregator.websub.own_hub import OwnHub
from tests.hubs import AN_HOUR, HOST, LOOPBACK, TOPIC, Peer, ask, request_of, waiting
from tests.web_fixtures import Site, entry
from tests.worlds import only_sqlite
from web import create_app
from web.hub_requests import HubRequests


class World:
    """A site whose hub works, and one subscriber."""

    def __init__(self, site: Site, hub: OwnHub, peer: Peer, url: str) -> None:
        self.site, self.hub, self.peer, self.url = site, hub, peer, url
        door = HubRequests(lambda: site.engine)
        self.client = create_app(site.config, site.engine, hub=door).test_client()

    async def transact(self, work: Callable[[Any], Any]) -> Any:
        with self.site.engine.begin() as connection:
            return work(connection)

    def ask(self, **changes: str) -> Any:
        form = {"hub.mode": "subscribe", "hub.topic": TOPIC, "hub.callback": f"{self.url}/cb?a=1"}
        return self.client.post("/hub", data=form | {f"hub.{k}": v for k, v in changes.items()})

    async def subscribe(self, **changes: str) -> None:
        assert self.ask(**changes).status_code == 202
        await self.hub.verify()
        await self.hub.idle()

    async def tell(self, *topics: str) -> None:
        await self.hub.publish(topics)
        await self.hub.idle()

    def rows(self) -> list[Any]:
        with self.site.engine.connect() as connection:
            return list(connection.execute(select(subscribers)))

    def publish(self, title: str) -> None:
        number = abs(hash(title)) % 10_000
        self.site.record("lamp", entry(0, guid=f"urn:{number}", title=title))


@contextlib.asynccontextmanager
async def world(
    folder: Path, settings: FetchSettings = LOOPBACK, **options: Any
) -> AsyncIterator[World]:
    site = Site(folder, websub={"hub": "self"})
    site.subscribe()
    site.record("lamp", entry(1))
    peer = Peer()
    made: list[World] = []

    async def transact(work: Callable[[Any], Any]) -> Any:
        return await made[0].transact(work)

    async with (
        peer.serving() as url,
        WebSubClient(settings) as verifying,
        WebSubClient(settings) as delivering,
    ):
        publication = Publication.of(site.config, own_hub=True)
        hub = OwnHub(publication, site.engine, verifying, delivering, transact, **options)
        made.append(World(site, hub, peer, url))
        try:
            yield made[0]
        finally:
            await hub.stop()


def test_a_subscriber_is_asked_back_and_gets_what_changed_signed(tmp_path):
    async def main() -> None:
        async with world(tmp_path) as here:
            await here.subscribe(secret="sésame", lease_seconds="86400")
            asked = here.peer.asked[0]
            assert asked["a"] == "1"  # the callback's own parameters stay
            assert (asked["hub.mode"], asked["hub.topic"]) == ("subscribe", TOPIC)
            assert asked["hub.lease_seconds"] == "86400"
            assert len(asked["hub.challenge"]) > 20

            here.publish("Fresh")
            await here.tell(TOPIC, f"{HOST}/feed.rss")

            ((path, headers, body),) = here.peer.received
            answer = here.client.get("/feed.atom")
            assert path == "/cb?a=1"
            assert body == answer.data
            assert b"Fresh" in body
            assert headers["content-type"] == answer.content_type
            assert headers["link"] == f'<{HOST}/hub>; rel="hub", <{TOPIC}>; rel="self"'
            digest = hmac.new("sésame".encode(), body, hashlib.sha256).hexdigest()
            assert headers["x-hub-signature"] == f"sha256={digest}"

            await here.tell()
            assert len(here.peer.received) == 1  # once

    asyncio.run(main())


def test_a_delivery_says_what_the_pages_say_by_now_of_the_site(tmp_path):
    async def main() -> None:
        async with world(tmp_path) as here:
            await here.subscribe()
            publication = Publication.of(here.site.config, own_hub=True)
            here.hub.use_publication(publication.with_page(PageOptions(description="By now")))
            here.publish("Fresh")
            await here.tell(TOPIC)

            ((_, _, body),) = here.peer.received
            assert b"<subtitle>By now</subtitle>" in body

    asyncio.run(main())


def test_a_source_that_came_while_we_run_is_a_topic(tmp_path):
    async def main() -> None:
        async with world(tmp_path) as here:
            new = f"{HOST}/source/new/feed.atom"
            assert here.ask(topic=new).status_code == 400
            feeds = (*here.site.config.feeds, Subscription("new", "https://new.example/"))
            here.site.subscribe(*feeds)
            assert here.ask(topic=new).status_code == 202

    asyncio.run(main())


def test_a_subscription_to_a_renamed_source_goes_on(tmp_path):
    async def main() -> None:
        former = f"{HOST}/source/lamp/feed.atom"
        async with world(tmp_path) as here:
            await here.subscribe(topic=former)
            feeds = [replace(feed, name="lantern" if feed.name == "lamp" else feed.name)
                     for feed in here.site.config.feeds]  # fmt: skip
            here.site.subscribe(*feeds)
            await here.subscribe(topic=former)  # renewed
            here.site.record("lantern", entry(9, title="Fresh"))

            await here.tell(f"{HOST}/source/lantern/feed.atom", f"{HOST}/source/tide/feed.atom")

            ((_, headers, body),) = here.peer.received
            assert b"Fresh" in body
            assert headers["link"].endswith(f'<{former}>; rel="self"')

    asyncio.run(main())


def test_a_feed_names_our_hub_and_itself_as_websub_wants_it(tmp_path):
    async def main() -> None:
        async with world(tmp_path) as here:
            links = here.client.get("/feed.atom").headers.getlist("Link")
            assert [link for link in links if 'rel="self"' in link] == [
                f'<{TOPIC}>; rel="self"; type="application/atom+xml"'
            ]
            assert [link for link in links if 'rel="hub"' in link] == [f'<{HOST}/hub>; rel="hub"']
            # without the program's other half there is not a hub, and none is named
            assert 'rel="hub"' not in str(here.site.client.get("/feed.atom").headers)
            assert here.site.client.post("/hub").status_code == 404

    asyncio.run(main())


def test_who_does_not_repeat_the_challenge_is_not_subscribed(tmp_path):
    async def main() -> None:
        async with world(tmp_path) as here:
            here.peer.confirms = False
            await here.subscribe()
            await here.subscribe(callback="http://127.0.0.1:1/nobody")
            assert here.rows() == []

    asyncio.run(main())


def test_who_unsubscribes_or_is_gone_gets_nothing_more(tmp_path):
    async def main() -> None:
        async with world(tmp_path) as here:
            await here.subscribe()
            await here.subscribe(mode="unsubscribe")
            assert here.peer.asked[-1]["hub.mode"] == "unsubscribe"
            assert here.rows() == []

            await here.subscribe()
            here.peer.status = 410
            await here.tell(TOPIC)
            assert here.rows() == []

    asyncio.run(main())


def test_an_unsubscription_that_is_not_confirmed_changes_nothing(tmp_path):
    async def main() -> None:
        async with world(tmp_path) as here:
            await here.subscribe()
            here.peer.confirms = False
            await here.subscribe(mode="unsubscribe")
            assert len(here.rows()) == 1

    asyncio.run(main())


def test_a_failed_delivery_is_tried_again_later_and_later_and_gets_the_newest(tmp_path):
    async def main() -> None:
        async with world(tmp_path, retry_waits=(AN_HOUR / 2, AN_HOUR)) as here:

            def let_time_pass() -> None:
                with here.site.engine.begin() as connection:
                    connection.execute(subscribers.update().values(next_at=datetime.now(UTC)))

            await here.subscribe()
            here.peer.status = 500
            here.publish("First")
            await here.tell(TOPIC)
            await here.tell()
            assert len(here.peer.received) == 1
            assert here.rows()[0].next_at < datetime.now(UTC) + AN_HOUR / 2
            let_time_pass()
            await here.tell()
            assert len(here.peer.received) == 2
            here.publish("Second")
            await here.tell(TOPIC)  # a change does not cut the waiting short
            assert len(here.peer.received) == 2
            assert here.rows()[0].next_at > datetime.now(UTC) + timedelta(minutes=50)

            let_time_pass()
            here.peer.status = 202
            await here.tell()
            assert b"First" in here.peer.received[-1][2] and b"Second" in here.peer.received[-1][2]
            assert (here.rows()[0].next_at, here.rows()[0].failures) == (None, 0)

    asyncio.run(main())


def test_what_never_arrives_is_given_up_but_not_the_subscription(tmp_path):
    async def main() -> None:
        async with world(tmp_path, retry_waits=()) as here:
            await here.subscribe()
            here.peer.status = 500
            await here.tell(TOPIC)
            assert here.rows()[0].next_at is None
            here.peer.status = 200
            await here.tell(TOPIC)
            assert len(here.peer.received) == 2

    asyncio.run(main())


def test_a_change_while_a_delivery_is_under_way_is_not_lost(tmp_path):
    async def main() -> None:
        async with world(tmp_path) as here:
            await here.subscribe()
            now = datetime.now(UTC)
            with here.site.engine.begin() as connection:
                write_subscribers.mark_topics(connection, topics=[TOPIC], now=now)
                (sent,) = write_subscribers.due_subscribers(connection, now=now, limit=5)
                write_subscribers.mark_topics(connection, topics=[TOPIC], now=now)
                write_subscribers.note_deliveries(
                    connection, deliveries=[write_subscribers.Delivery(sent)]
                )
                assert len(write_subscribers.due_subscribers(connection, now=now, limit=5)) == 1

    asyncio.run(main())


def test_a_subscription_ends_with_its_lease_unless_it_is_renewed(tmp_path):
    async def main() -> None:
        async with world(tmp_path) as here:
            await here.subscribe(lease_seconds="1")
            first = here.rows()[0].lease_until
            assert timedelta(minutes=59) < first - datetime.now(UTC) <= AN_HOUR  # the shortest
            await here.subscribe(lease_seconds="999999999", secret="s")
            assert len(here.rows()) == 1
            assert here.rows()[0].lease_until > first + timedelta(days=29)
            assert here.rows()[0].secret == "s"

            past = datetime.now(UTC) - timedelta(seconds=1)
            with here.site.engine.begin() as connection:
                connection.execute(subscribers.update().values(lease_until=past))
            await here.tell(TOPIC)
            assert here.peer.received == []
            await here.hub.remove_expired()
            assert here.rows() == []

    asyncio.run(main())


@pytest.mark.parametrize(
    "callback",
    ["http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::1]:{port}/",
     "http://10.0.0.1/", "http://169.254.169.254/latest"],
)  # fmt: skip
def test_a_private_address_is_not_asked_whatever_it_is_called(tmp_path, callback):
    guarded = FetchSettings("aggregator/test", timeout=timedelta(seconds=5))

    async def main() -> None:
        async with world(tmp_path, guarded) as here:
            port = here.url.rpartition(":")[2]
            await here.subscribe(callback=callback.replace("{port}", port))
            assert here.peer.asked == []
            assert here.rows() == []

    asyncio.run(main())


def test_one_host_can_not_fill_the_hub_nor_be_asked_without_end(tmp_path):
    limits = HubLimits(subscriptions_per_site=2, verifications_per_minute=4)

    async def main() -> None:
        async with world(tmp_path, limits=limits) as here:
            for number in range(3):
                await here.subscribe(callback=f"{here.url}/{number}")
            assert len(here.rows()) == 2
            await here.subscribe(callback=f"{here.url}/0", secret="renewed")
            assert len(here.peer.asked) == 4
            assert sorted(row.secret or "" for row in here.rows()) == ["", "renewed"]
            await here.subscribe(callback=f"{here.url}/1")
            assert len(here.peer.asked) == 4

    asyncio.run(main())


def test_requests_that_nobody_verifies_are_refused_and_never_pile_up(tmp_path, monkeypatch):
    monkeypatch.setattr(write_requests, "MAX_WAITING_PER_HOST", 3)
    monkeypatch.setattr(write_requests, "MAX_WAITING", 5)

    async def main() -> None:
        async with world(tmp_path) as here:
            of_host = [here.ask().status_code for _ in range(5)]
            of_others = [
                here.ask(callback=f"https://reader{number}.example/").status_code
                for number in range(4)
            ]
            assert of_host == [202, 202, 202, 503, 503]
            assert of_others == [202, 202, 503, 503]
            assert here.ask().headers["Retry-After"] == "60"
            assert len(waiting(here.site.engine)) == 5

    asyncio.run(main())


@only_sqlite
def test_a_request_is_accepted_only_when_it_is_stored(tmp_path, caplog):
    async def main() -> None:
        async with world(tmp_path) as here:
            with here.site.engine.begin():  # of another process
                locked = here.ask()
            assert (locked.status_code, locked.headers["Retry-After"]) == (503, "60")
            assert here.ask().status_code == 202
            assert len(waiting(here.site.engine)) == 1

    asyncio.run(main())

    (line,) = (line for line in caplog.messages if "could not be stored" in line)
    assert "another process kept it locked" in line


def test_while_two_requests_wait_for_the_database_others_are_refused_at_once(tmp_path):
    site, opening, opened = Site(tmp_path), threading.Event(), threading.Event()

    def open_slowly() -> Any:
        opening.set()
        assert opened.wait(60)
        return site.engine

    door = HubRequests(open_slowly)
    with ThreadPoolExecutor(2) as threads:
        waiters = [
            threads.submit(door.store, request_of(f"https://reader{number}.example/"))
            for number in range(2)
        ]
        assert opening.wait(60)
        while door.store(request_of("https://late.example/")):
            raise AssertionError("the third waits, too")
        opened.set()
        assert [waiter.result() for waiter in waiters] == [True, True]


def test_a_request_survives_a_restart_in_the_middle_of_its_verification(tmp_path):
    async def main() -> None:
        async with world(tmp_path) as here:
            async with asyncio.timeout(60):
                await stopped_while_asking(here)
            assert here.rows() == []
            assert waiting(here.site.engine) == [f"{here.url}/cb"]

            await here.hub.verify()
            await here.hub.idle()
            assert here.rows() == []  # another process may be at it still
            past = datetime.now(UTC) - timedelta(seconds=1)
            with here.site.engine.begin() as connection:
                connection.execute(hub_requests.update().values(taken_until=past))
            await here.hub.verify()
            await here.hub.idle()
            assert [row.callback for row in here.rows()] == [f"{here.url}/cb"]
            assert waiting(here.site.engine) == []

    async def stopped_while_asking(here: World) -> None:
        asked, going_on = asyncio.Event(), asyncio.Event()

        async def answer_late(_request: Any) -> Any:
            asked.set()
            await going_on.wait()

        usual, here.peer.respond = here.peer.respond, answer_late
        ask(here.site.engine, f"{here.url}/cb")
        await here.hub.verify()
        await asked.wait()
        await here.hub.stop()
        going_on.set()
        here.peer.respond = usual

    asyncio.run(main())


def test_of_two_processes_one_verifies_a_request_and_a_host_gets_one_at_a_time(tmp_path):
    site = Site(tmp_path)
    ask(site.engine, "https://a.example/1", "https://www.a.example/2", "https://b.example/1")

    def taken() -> list[str]:
        with site.engine.begin() as connection:
            requests = write_requests.take_requests(connection, limit=9)
            return [one.request.callback for one in requests]

    assert taken() == ["https://a.example/1", "https://b.example/1"]
    assert taken() == []
    with site.engine.begin() as connection:
        write_requests.remove_request(connection, 1)
    assert taken() == ["https://www.a.example/2"]


def test_a_category_that_is_no_more_ends_its_subscriptions(tmp_path):
    async def main() -> None:
        async with world(tmp_path) as here:
            topic = f"{HOST}/category/trade/feed.rss"
            await here.subscribe(topic=topic)
            assert len(here.rows()) == 1
            here.site.subscribe(Subscription("lamp", "https://lamp.example/feed.xml"))
            await here.tell(topic)
            assert here.rows() == []
            assert here.peer.received == []

    asyncio.run(main())


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"mode": "publish"}, "hub.mode"),
        ({"mode": ""}, "hub.mode"),
        ({"topic": "https://other.example/feed.atom"}, "hub.topic"),
        ({"topic": f"{HOST}/source/none/feed.atom"}, "hub.topic"),
        ({"topic": f"{HOST}/category/none/feed.atom"}, "hub.topic"),
        ({"topic": f"{HOST}/view/none/feed.atom"}, "hub.topic"),
        ({"callback": "ftp://a.example/"}, "hub.callback"),
        ({"callback": "/relative"}, "hub.callback"),
        ({"callback": "https://a.example/#x"}, "hub.callback"),
        ({"callback": "https://a.example/" + "x" * 2048}, "hub.callback"),
        ({"callback": "https://ä.example/"}, "hub.callback"),
        ({"secret": "s" * 200}, "hub.secret"),
        ({"secret": "a\0b"}, "hub.secret"),
        ({"lease_seconds": "-1"}, "hub.lease_seconds"),
        ({"lease_seconds": "9" * 13}, "hub.lease_seconds"),
    ],
)
def test_a_request_that_can_not_be_meant_is_refused_in_one_line(tmp_path, changes, complaint):
    async def main() -> None:
        async with world(tmp_path) as here:
            answer = here.ask(**changes)
            assert (answer.status_code, answer.mimetype) == (400, "text/plain")
            assert answer.text.startswith(complaint)

    asyncio.run(main())


def test_a_body_without_end_is_not_read(tmp_path):
    async def main() -> None:
        async with world(tmp_path) as here:
            assert here.ask(secret="x" * 100_000).status_code == 413
            assert here.client.get("/hub").status_code == 405

    asyncio.run(main())
