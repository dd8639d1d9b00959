"""Due feeds on PostgreSQL as jobs for workers, in real processes on a server of their own."""

import asyncio
import contextlib
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import pytest
from sqlalchemy import create_mock_engine, text

from aggregator.database.feeds.write_batches import MAX_FEEDS, Batch, grouped
from aggregator.database.jobs import write_jobs
from aggregator.database.jobs.write_job_schema import follow_scripts
from aggregator.errors import DatabaseError
from aggregator.scheduler import dispatch_of
from aggregator.scheduler.dispatch import DispatchContext
from tests import postgresql
from tests.feedserver import FeedServer
from tests.machines import Machine
from tests.postgresql_server import skip_without_packages
from tests.running import HANGS_AFTER, command, eventually, one_line, rss, trickle, write_config
from tests.test_architecture import OF_JOBS

OTHER = "elsewhere"
POLLED = "SELECT count(*) FROM feeds WHERE polls > 0"


@pytest.fixture(scope="module")
def server():
    with postgresql.server() as url:
        yield url


@pytest.fixture
def database(server):
    return postgresql.new_database(server)


@pytest.fixture
def sites():
    with contextlib.ExitStack() as servers:
        yield [servers.enter_context(FeedServer(f"127.0.0.{number}")) for number in (2, 3, 4, 5)]


@contextlib.contextmanager
def processes(folder, *commands, machines=()):
    """Yield the processes of commands, whose logs are files; each has to end well."""
    started = []
    with contextlib.ExitStack() as logs:
        try:
            for number, arguments in enumerate(commands):
                log = logs.enter_context((folder / f"{number}.log").open("w"))
                home = machines[number] if machines else Machine(f"home{number}")
                started.append(home.start(*arguments, cwd=folder, stderr=log))
            yield started
            for process in started:
                if process.poll() is None:
                    process.terminate()
            for process in started:
                assert process.wait(HANGS_AFTER) in {0, -9}
        finally:
            for process in started:
                process.kill()
                process.wait(HANGS_AFTER)
    assert "Traceback" not in log_of(folder)


def log_of(folder):
    return "\n".join(path.read_text() for path in sorted(folder.glob("*.log")))


def subscribe(folder, database, sites, count, **options):
    """Write a config.yaml with so many feeds of each site."""
    for site in sites:
        for number in range(count):
            site.put(f"/{number}", rss([("a", f"Post {number}", datetime.now(UTC))]))
    poll = {"host_delay": "0s", "workers": "1", "interval": "1h", **options}
    return write_config(
        folder,
        [site.url(f"/{number}") for site in sites for number in range(count)],
        poll="{" + ", ".join(f"{key}: {value}" for key, value in poll.items()) + "}",
        network="{allow: [127.0.0.0/8]}",
        database=url_of(database),
    )


def url_of(database):
    return database.url.render_as_string(hide_password=False)


def scalar(database, statement):
    with database.connect() as connection:
        return connection.execute(text(statement)).scalar_one()


def requests(sites):
    return [request for site in sites for request in site.requests]


@pytest.mark.parametrize("count", [1, 2, MAX_FEEDS + 1])
def test_a_batch_has_feeds_of_one_site_or_the_only_due_feeds_of_their_sites(count):
    lone_feeds = [(number, f"site{number}") for number in range(count)]
    feeds_of_one_site = [(1000 + number, "blogs") for number in range(3)]

    groups = grouped([*lone_feeds, *feeds_of_one_site, (2000, "")])

    assert ("blogs", [1000, 1001, 1002]) in groups
    mixed = [ids for site, ids in groups if site is None]
    assert sorted(feed_id for ids in mixed for feed_id in ids) == [*range(count), 2000]
    assert max(map(len, mixed)) <= MAX_FEEDS


def test_neither_workers_nor_a_look_at_jobs_are_for_sqlite(tmp_path):
    write_config(tmp_path, [])

    assert "there are none with a SQLite database" in one_line(command(tmp_path, "jobs"), 2)
    assert "not needed with a SQLite database" in one_line(command(tmp_path, "work"), 2)


def test_without_the_package_for_jobs_one_line_says_how_to_install_it(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "procrastinate"]:
        monkeypatch.delitem(sys.modules, name)
    for name in OF_JOBS & sys.modules.keys():
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "procrastinate", None)
    server = create_mock_engine("postgresql+psycopg://", executor=print)

    with pytest.raises(DatabaseError, match=r"pip install 'procrastinate>=3\.10,<4'"):
        dispatch_of(server, schedules=True, works=True)


@pytest.mark.slow
def test_the_shell_of_the_engine_shows_the_jobs_of_the_database_in_the_file(database, tmp_path):
    from aggregator.scheduler.job_engine import QUEUES, prepare_tables

    prepare_tables(database)
    with database.begin() as connection:
        write_jobs.defer(connection, [Batch("batch/a/1", None, (1, 2))], QUEUES)
    subscribe(tmp_path, database, [], 0)
    program = (sys.executable, "-m", "aggregator")
    typed = subprocess.run(
        [*program, "--config", tmp_path / "config.yaml", "jobs"], input="list_queues\nexit\n",
        cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    given = command(tmp_path, "jobs", "list_queues", "list_jobs details")

    for done in (typed, given):
        assert (done.returncode, done.stderr) == (0, "")
        assert "batches: 1 jobs (todo: 1" in done.stdout
    assert "args={'feeds': [1, 2], 'token': 'batch/a/1'}" in given.stdout


@pytest.mark.slow
def test_several_schedulers_and_workers_poll_each_feed_once_and_a_site_one_at_a_time(
    database, sites, tmp_path
):
    subscribe(tmp_path, database, sites, 12)
    for site in sites:
        for number in range(12):
            site.put(f"/{number}", rss([("a", f"Post {number}", datetime.now(UTC))]), delay=0.02)
    commands = ["schedule"], ["schedule"], ["work", "-v"], ["work", "-v", "--concurrency", "2"]
    with processes(tmp_path, *commands):
        eventually(lambda: scalar(database, POLLED) == 4 * 12)
        configured = tmp_path / "config.yaml"
        configured.write_text(configured.read_text().replace("interval: 1h", "interval: 2h"))
        eventually(lambda: log_of(tmp_path).count("config.yaml: reloaded") == len(commands))

    paths = [request.path for request in requests(sites)]
    assert len(paths) == 4 * 12
    for site in sites:
        times = [request.at for request in site.requests]
        assert all(later - earlier > 0.015 for earlier, later in pairwise(times))
    assert scalar(database, "SELECT count(*) FROM feeds WHERE lease_owner IS NOT NULL") == 0
    assert scalar(database, "SELECT count(*) FROM procrastinate_jobs") == 0
    assert scalar(database, "SELECT count(*) FROM procrastinate_events") == 0
    assert scalar(database, "SELECT count(*) FROM procrastinate_workers") == 0


@pytest.mark.slow
def test_run_polls_all_by_itself_and_one_poll_of_the_command_line_goes_on_beside_it(
    database, sites, tmp_path
):
    subscribe(tmp_path, database, sites, 3)
    with processes(tmp_path, ["run"]):
        eventually(lambda: scalar(database, POLLED) == 4 * 3)
        assert command(tmp_path, "poll", "--all").returncode == 0

    assert len(requests(sites)) == 2 * 4 * 3
    assert scalar(database, "SELECT min(polls) FROM feeds") == 2


@pytest.mark.slow
def test_a_scheduler_without_a_worker_says_so_once_and_takes_its_batches_back(
    database, sites, tmp_path
):
    subscribe(tmp_path, database, sites, 3)
    line = "no worker polls them"
    machines = Machine("home", heartbeat=0.3), Machine("other", heartbeat=0.3)
    with processes(tmp_path, ["schedule"], ["schedule"], machines=machines):
        eventually(lambda: log_of(tmp_path).count(line) == 2)
        waiting = "SELECT count(*) FROM feeds WHERE lease_owner LIKE 'batch/%'"
        assert scalar(database, waiting) == 4 * 3

    assert log_of(tmp_path).count(line) == 2
    assert requests(sites) == []
    assert scalar(database, "SELECT count(*) FROM feeds WHERE lease_owner IS NOT NULL") == 0
    assert scalar(database, "SELECT count(*) FROM procrastinate_jobs") == 0


@pytest.mark.slow
def test_a_stop_gives_unfinished_jobs_back_within_seconds(database, sites, tmp_path):
    subscribe(tmp_path, database, sites[:1], 30)
    for number in range(30):
        sites[0].raw(f"/{number}", partial(trickle, server=sites[0]))
    with processes(tmp_path, ["schedule"], ["work"]) as (_schedule, work):
        eventually(lambda: requests(sites))
        work.terminate()
        assert work.wait(HANGS_AFTER) == 0

        # The request under way counts as a poll; the other feeds wait for another worker.
        assert scalar(database, "SELECT count(*) FROM feeds WHERE lease_owner LIKE '%@%'") == 0
        count = "SELECT count(*) FROM feeds WHERE next_reason LIKE '%cut short%'"
        assert scalar(database, count) == len(requests(sites)) == 1
    assert scalar(database, "SELECT count(*) FROM feeds WHERE lease_owner IS NOT NULL") == 0
    assert scalar(database, "SELECT count(*) FROM procrastinate_jobs") == 0


@pytest.mark.slow
def test_the_feeds_of_a_killed_worker_of_another_machine_wait_for_their_interval(
    database, sites, tmp_path
):
    subscribe(tmp_path, database, sites[:1], 3, interval="1m")
    for number in range(3):
        sites[0].raw(f"/{number}", partial(trickle, server=sites[0]))
    machines = Machine("home", heartbeat=1), Machine(OTHER, lease=600, heartbeat=1)
    with processes(tmp_path, ["schedule"], ["work"], machines=machines) as (_schedule, work):
        eventually(lambda: requests(sites))
        work.kill()
        work.wait(HANGS_AFTER)
        held = f"SELECT count(*) FROM feeds WHERE lease_owner LIKE '%@{OTHER}%'"
        assert scalar(database, held) == 3

        eventually(lambda: scalar(database, held) == 0)

        # The heartbeats of the worker tell of its end, not the lease of ten minutes.
        early = "SELECT count(*) FROM feeds WHERE next_poll_at / 1e6 < extract(epoch FROM now())"
        assert scalar(database, early) == 0
    assert log_of(tmp_path).count("a process ended or stopped renewing its leases") == 1
    assert len(requests(sites)) == 1


@pytest.mark.slow
def test_processes_that_start_at_once_make_the_tables_of_the_engine_once(server):
    from aggregator.scheduler.job_engine import prepare_tables

    database = postgresql.new_database(server)
    barrier = threading.Barrier(4)

    def prepare(_number):
        barrier.wait()
        prepare_tables(database)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(prepare, range(4)))

    assert scalar(database, "SELECT count(*) FROM procrastinate_jobs") == 0
    assert scalar(database, "SELECT count(*) FROM procrastinate_scripts") > 20


@pytest.mark.slow
def test_another_version_of_the_engine_upgrades_its_tables_or_refuses_newer_ones(database):
    scripts = {"01_a": "", "02_b": "ALTER TABLE procrastinate_jobs ADD n int DEFAULT 100 % 7"}
    first = {"01_a": scripts["01_a"]}
    follow_scripts(database, "CREATE TABLE procrastinate_jobs (id int); SELECT 1", first)

    follow_scripts(database, "not used", scripts)
    follow_scripts(database, "not used", scripts)

    with database.begin() as connection:
        connection.execute(text("INSERT INTO procrastinate_jobs (id) VALUES (1)"))
    assert scalar(database, "SELECT n FROM procrastinate_jobs") == 2
    with pytest.raises(DatabaseError, match=r"newer version of Procrastinate \(02_b\)"):
        follow_scripts(database, "not used", first)


@pytest.mark.slow
def test_work_goes_on_after_the_server_ended_all_sessions(database, sites, tmp_path):
    subscribe(tmp_path, database, sites, 3)
    with processes(tmp_path, ["schedule"], ["work"]):
        eventually(lambda: scalar(database, POLLED) == 4 * 3)
        for _ in range(2):
            scalar(
                database,
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
        with database.begin() as connection:
            connection.execute(text("UPDATE feeds SET next_poll_at = 1"))
        eventually(lambda: scalar(database, "SELECT min(polls) FROM feeds") == 2, within=150)

    assert len(requests(sites)) == 2 * 4 * 3


@pytest.mark.slow
def test_the_end_of_a_job_that_the_server_refuses_is_stored_later(database, sites, tmp_path):
    """Until then the job keeps others off its site."""
    function = "BEGIN RAISE 'no' USING ERRCODE = '57014'; END"
    refusal = (
        f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {function} $$",
        "CREATE TRIGGER refusal BEFORE DELETE ON procrastinate_jobs EXECUTE FUNCTION refuse()",
        "UPDATE feeds SET next_poll_at = 1",
    )
    subscribe(tmp_path, database, sites, 3)
    with processes(tmp_path, ["schedule"], ["work"]):
        eventually(lambda: scalar(database, POLLED) == 4 * 3)
        with database.begin() as connection:
            for statement in refusal:
                connection.execute(text(statement))
        eventually(lambda: "the end of a job is not stored: no" in log_of(tmp_path))
        with database.begin() as connection:
            connection.execute(text("DROP TRIGGER refusal ON procrastinate_jobs"))
        eventually(lambda: scalar(database, "SELECT min(polls) FROM feeds") == 2)
        eventually(lambda: scalar(database, "SELECT count(*) FROM procrastinate_jobs") == 0)

    assert log_of(tmp_path).count("the end of a job is not stored") == 1


GARBAGE = (
    "{}", '{"token": 7, "feeds": "all"}', '{"token": "batch/a/1", "feeds": [1], "more": 1}', "[7]",
    '{"token": "somebody@elsewhere", "feeds": [1]}', '"x"', "null", "7",
)  # fmt: skip


@pytest.mark.slow
def test_a_job_that_somebody_wrote_ends_as_failed_with_a_line(database, sites, tmp_path):
    from aggregator.scheduler.job_engine import prepare_tables

    prepare_tables(database)
    jobs = [("poll", arguments) for arguments in GARBAGE] + [("moor", "{}")]
    write = text(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args) "
        "VALUES ('batches', :task, CAST(:arguments AS jsonb))"
    )
    with database.begin() as connection:
        for task, arguments in jobs:
            connection.execute(write, {"task": task, "arguments": arguments})
    subscribe(tmp_path, database, sites, 1)

    with processes(tmp_path, ["schedule"], ["work"]):
        eventually(lambda: scalar(database, POLLED) == 4)
        failed = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'"
        eventually(lambda: scalar(database, failed) == len(jobs))

    lines = [line for line in log_of(tmp_path).splitlines() if "not a job of this program" in line]
    assert len(lines) == len(jobs)
    assert any('poll({"feeds": "all", "token": 7})' in line for line in lines)
    assert scalar(database, "SELECT count(*) FROM procrastinate_jobs") == len(jobs)
    assert scalar(database, "SELECT min(polls) FROM feeds") == 1


@pytest.mark.slow
def test_a_worker_that_reads_another_concurrency_runs_as_many_jobs_at_once(
    database, sites, tmp_path
):
    subscribe(tmp_path, database, sites, 2, concurrency=1)
    for site in sites:
        for number in range(2):
            site.raw(f"/{number}", partial(trickle, server=site))
    with processes(tmp_path, ["schedule"], ["work"]):
        eventually(lambda: requests(sites))
        configured = tmp_path / "config.yaml"
        configured.write_text(configured.read_text().replace("concurrency: 1", "concurrency: 8"))

        eventually(lambda: all(site.requests for site in sites))
        assert scalar(database, "SELECT count(*) FROM feeds WHERE polls > 0") == 0


def test_a_worker_takes_no_feeds_over_while_the_poller_follows_a_changed_file():
    skip_without_packages("procrastinate")
    from aggregator.scheduler.batch_worker import BatchWorker

    switching, steps = [True, True, False], []

    async def take_over(_work):
        steps.append(len(switching))
        return []

    context = DispatchContext(
        "host/1",
        SimpleNamespace(transact=take_over, settings=SimpleNamespace(budget_of=None)),
        config=None,
        is_stopping=lambda: False,
        is_switching=lambda: switching.pop(0),
        hurry=None,
        on_replaced=None,
    )
    app = SimpleNamespace(task=lambda **_: lambda function: function)
    job = SimpleNamespace(job=SimpleNamespace(id=1, attempts=0))

    asyncio.run(BatchWorker(app, context)._poll_batch(job, token="batch/a/1", feeds=[1]))

    assert steps == [0]
