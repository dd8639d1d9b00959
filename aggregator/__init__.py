"""A feed aggregator: polls the feeds of config.yaml politely, stores each entry once, and publishes
a merged list as pages and feeds.

Data flows in one direction, through stages that never call each other:

    config -> scheduler -> poll( fetch, reading, dedup, dates, stories ) -> database -> web, publish

Only `poll` knows the order of the stages.  `config`, `fetch`, `runtime`, `database`, `scheduler`,
`websub`, `cli` and `web` do I/O; the other stages are pure.  docs/architecture.md is the map.
"""

__version__ = "0.2.0"
