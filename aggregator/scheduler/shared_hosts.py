"""Which hosts have more than one feed, known without a walk over all feeds at each tick."""

import time
from dataclasses import dataclass

from aggregator.config import Config
from aggregator.database import Connection
from aggregator.database.feeds import write_hosts

MAX_AGE = 3600
"""Seconds after which the hosts are read again: feeds move from one to another."""


@dataclass(slots=True)
class SharedHosts:
    """The hosts of several feeds, as of the last change of the file, an hour ago at most."""

    _hosts: frozenset[str] = frozenset()
    _config: Config | None = None
    _read_at: float = 0.0

    def read(self, connection: Connection, config: Config) -> frozenset[str]:
        """Return the hosts; read again for another `config`, or after an hour.

        Args:
            config: The configuration that the database agrees with.
        """
        now = time.monotonic()
        if config is not self._config or now - self._read_at > MAX_AGE:
            self._hosts = write_hosts.shared_hosts(connection)
            self._config, self._read_at = config, now
        return self._hosts
