"""Feeds from one config.yaml: polled politely, kept once, listed, and published as one.

Data flows one way; each stage is one module, named for what it does:

    config -> scheduler -> poll( fetch, parse, clean, dedup, store ) -> query -> web, publish

`poll` is the only place that knows the order of the stages; they never call each other.
`config`, `fetch`, `database`, `scheduler`, `cli` and `web` touch the world, `poll` joins them,
and everything else is pure.  docs/architecture.md has the whole map.
"""

__version__ = "0.1.0"
