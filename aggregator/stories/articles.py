"""An entry, for comparison with entries of other feeds."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from aggregator import links
from aggregator.stories.story_keys import article_link
from aggregator.stories.tokens import MAX_TEXT, folded, shingles_of, without_quotes, words_of

_MAX_WORDS = 2000  # of a text

# Words that number titles besides digits: days, months, counting words, Roman numerals.  "May" and
# "one" are too often other words; the short forms of a language are left out.
_NUMBER_WORDS = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag "
    "freitag samstag sonntag lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes "
    "miércoles jueves viernes sábado domingo lunedì martedì mercoledì giovedì venerdì sabato "
    "domenica maandag dinsdag woensdag donderdag vrijdag zaterdag zondag segunda terça quarta "
    "quinta sexta january february april june july august september october november december "
    "januar februar märz mai juni juli oktober dezember janvier février mars avril juin juillet "
    "août septembre octobre novembre décembre enero febrero marzo abril mayo junio julio agosto "
    "septiembre octubre noviembre diciembre gennaio febbraio aprile maggio giugno luglio settembre "
    "ottobre dicembre januari februari maart mei augustus janeiro fevereiro março maio junho julho "
    "setembro outubro novembro dezembro two three four five six seven eight nine ten first second "
    "third fourth fifth erster zweiter dritter zweite dritte vierte zwei drei vier fünf premier "
    "première deuxième troisième deux trois quatre dos tres cuatro segundo segunda tercero tercera "
    "ii iii iv vi vii viii ix xi xii xiii xiv".split()
)
_NUMBER = re.compile(
    r"\d+(?:[.,:/-]\d+)*(?:(?:rc|beta|alpha|[abv])\d+)?|第[一二三四五六七八九十百]+"
)


@dataclass(frozen=True)
class Article:
    """An entry, for comparison.

    Attributes:
        feed: Identifies the feed.
        homes: Addresses of the feed and of the feed's site.
        at: Place in the list.
    """

    entry_id: int
    feed: int
    homes: tuple[str | None, ...]
    url: str | None
    title: str
    html: str
    at: datetime

    @cached_property
    def link(self) -> str:
        """The canonical link; "" without a link, or for the front page of a site."""
        return article_link(self.url)

    @cached_property
    def host(self) -> str:
        """The host of the link."""
        return self.link.partition("/")[0]

    @cached_property
    def is_at_home(self) -> bool:
        """Whether the link leads to the feed's own site, not to the article of another author."""
        hosts = {links.canonical(home).partition("/")[0] for home in self.homes if home}
        return any(_are_related(host, self.host) for host in hosts)

    @cached_property
    def words(self) -> list[str]:
        """The words of the text."""
        return words_of(self.html[:MAX_TEXT])[:_MAX_WORDS]

    @cached_property
    def shingles(self) -> set[int]:
        """The shingles of the text."""
        return shingles_of(self.words)

    @cached_property
    def unquoted_words(self) -> list[str]:
        """The words of the text outside of quotations; `words` for a text without quotations."""
        if "<blockquote" not in self.html:
            return self.words
        return words_of(without_quotes(self.html[:MAX_TEXT]))[:_MAX_WORDS]

    @cached_property
    def numbers(self) -> set[str]:
        """The numbers in the text."""
        return {word for word in self.words if word.isdecimal()}

    @cached_property
    def title_words(self) -> list[str]:
        """The words of the title."""
        return words_of(self.title)

    @cached_property
    def title_numbers(self) -> set[str]:
        """The numbers, days, months and so on of the title."""
        numbers = _NUMBER.findall(folded(self.title))
        return set(numbers) | _NUMBER_WORDS.intersection(self.title_words)


def _are_related(host: str, home: str) -> bool:
    return host == home or host.endswith(f".{home}") or home.endswith(f".{host}")
