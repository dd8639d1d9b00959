"""How rightly pages in place of feeds are named: the answers of tests/data/walls and their labels.

The author of the signs looked at one half of the answers while writing the signs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aggregator import walls
from aggregator.fetch.response_headers import may_be_document
from aggregator.model import kind_of_status

FOLDER = Path(__file__).parents[1] / "tests" / "data" / "walls"
HALVES = ("seen", "unseen")
NONE = "none"


@dataclass(frozen=True)
class LabelledAnswer:
    """An answer with what a person calls it: `bot-check Cloudflare`, `none`, `moved URL`."""

    name: str
    label: str
    half: str
    answer: walls.Answer

    @property
    def is_move(self) -> bool:
        return self.label.startswith(("moved ", "web-page "))

    @property
    def given_label(self) -> str:
        """What the program calls it."""
        wall = walls.wall_of(self.answer)
        return NONE if wall is None else " ".join(filter(None, [wall.kind.value, wall.service]))

    @property
    def kind(self) -> str:
        """The kind of failure without the page."""
        is_document = may_be_document(self.answer.status, self.answer.headers)
        return "web-page" if is_document else kind_of_status(self.answer.status).value


@dataclass(frozen=True)
class Quality:
    """Numbers of one half."""

    walls: int
    right: int
    others: int
    false: int


def answers() -> Iterator[LabelledAnswer]:
    """Yield every labelled answer."""
    for path in sorted(FOLDER.glob("*.http")):
        about, head, body = (path.read_text().rstrip("\n") + "\n\n").split("\n\n", 2)
        facts = dict(line.split(": ", 1) for line in about.splitlines())
        status, *lines = head.splitlines()
        fields: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(": ")
            fields[name.lower()] = value
        answer = walls.Answer(
            int(status.split()[1]), fields, facts["url"], body.strip("\n").encode()
        )
        yield LabelledAnswer(path.stem, facts["label"], facts["half"], answer)


def quality(labelled: list[LabelledAnswer]) -> Quality:
    """Count the right and the false labels."""
    standing = [each for each in labelled if each.label != NONE and not each.is_move]
    others = [each for each in labelled if each.label == NONE or each.is_move]
    return Quality(
        walls=len(standing),
        right=sum(each.given_label == each.label for each in standing),
        others=len(others),
        false=sum(each.given_label != NONE for each in others),
    )


def table() -> list[str]:
    """Return the table of bench/results.md."""
    labelled = list(answers())
    lines = [
        "## Walls",
        "",
        (
            "Answers in place of a feed that were written after the pages of services and servers, "
            "with their labels (kind and name). At the first look one label of the unseen half was "
            "wrong (28 of 29): DDoS-Guard was called Cloudflare."
        ),
        "",
        "| answers | walls | right label (>= 0.95) | without a wall | false label (0) |",
        "| --- | --- | --- | --- | --- |",
    ]
    for half in HALVES:
        counts = quality([each for each in labelled if each.half == half])
        lines.append(
            f"| {half} | {counts.walls} | {counts.right / counts.walls:.3f} | {counts.others} | "
            f"{counts.false} |"
        )
    return [*lines, ""]
