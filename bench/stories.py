"""Stories: how right the grouping is, and what it costs for each new entry."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aggregator import stories

SET = Path(__file__).parents[1] / "tests" / "data" / "stories"
HALVES = ("tune", "report")


@dataclass(frozen=True)
class Pair:
    """Two entries, and whether they are the same story."""

    id: str
    kind: str
    half: str
    same: bool
    a: stories.Article
    b: stories.Article


@dataclass(frozen=True)
class Quality:
    """How many pairs were grouped or not, rightly or wrongly."""

    right: int
    wrong: int
    missed: int
    apart: int

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong)

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed)


def pairs() -> Iterator[Pair]:
    """Read the labelled set."""
    for path in sorted(SET.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            values = json.loads(line)
            known = next(values[n]["published"] for n in "ab" if values[n]["published"])
            a, b = (_article(number, values[n], known) for number, n in enumerate("ab"))
            yield Pair(values["id"], values["kind"], values["half"], values["same"], a, b)


def _article(number: int, values: dict[str, str], known: str) -> stories.Article:
    return stories.Article(
        number,
        values["feed"],
        (values["feed"],),
        values["url"],
        values["title"],
        values["html"],
        # An undated entry stands where it was found: about when the other one came out.
        datetime.fromisoformat(values["published"] or known),
    )


def grouped(pair: Pair) -> stories.StoryLink | None:
    """Decide as the pipeline does: compare only what shares a key."""
    keys = [set(stories.keys(one.url, one.title, one.html)) for one in (pair.a, pair.b)]
    return stories.compare(pair.a, pair.b) if keys[0] & keys[1] else None


def quality(some: Sequence[Pair]) -> Quality:
    """Return how right the grouping of these pairs is."""
    found = [(pair.same, grouped(pair) is not None) for pair in some]
    return Quality(
        right=found.count((True, True)),
        wrong=found.count((False, True)),
        missed=found.count((True, False)),
        apart=found.count((False, False)),
    )
