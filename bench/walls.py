"""How rightly pages in place of feeds are named: the answers of tests/data/walls and their labels.

The author of the signs looked at one half of the first answers while writing the signs, and wrote
the later ones afterwards, from what others tell of such answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aggregator import walls

FOLDER = Path(__file__).parents[1] / "tests" / "data" / "walls"
PARTS = ("seen", "unseen", "later")
NONE = "none"


@dataclass(frozen=True)
class LabelledAnswer:
    """An answer with what a person calls it: `bot-check Cloudflare`, `none`, `moved URL`."""

    name: str
    label: str
    part: str
    answer: walls.Answer

    @property
    def is_move(self) -> bool:
        return self.label.startswith(("moved ", "web-page "))

    @property
    def given_label(self) -> str:
        """What the program calls it."""
        wall = walls.wall_of(self.answer)
        return NONE if wall is None else " ".join(filter(None, [wall.kind.value, wall.service]))


@dataclass(frozen=True)
class Quality:
    """Numbers of one part."""

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
        yield LabelledAnswer(path.stem, facts["label"], facts["part"], answer)


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
            "Answers in place of a feed, written after the pages of services and servers, with "
            "labels (kind and name). At the first look 28 of the 29 unseen walls were named "
            "rightly, and no other answer falsely; of the later ones, variants and near misses "
            "that others tell of, 7 of 17 walls rightly, and 5 of 7 other answers falsely."
        ),
        "",
        "| answers | walls | right label (>= 0.95) | without a wall | false label (0) |",
        "| --- | --- | --- | --- | --- |",
    ]
    for part in PARTS:
        counts = quality([each for each in labelled if each.part == part])
        lines.append(
            f"| {part} | {counts.walls} | {counts.right / counts.walls:.3f} | {counts.others} | "
            f"{counts.false} |"
        )
    return [*lines, ""]
