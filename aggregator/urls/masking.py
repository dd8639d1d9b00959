"""Masking secrets as `***`, for logs, pages and feeds.

Only this module decides what is secret: users and passwords (RFC 3986, 3.2.1), the values of
parameters with the name of a secret (`is_secret_name`), variables of config.yaml (`${NAME}`), and
the values of variables (`remember_secrets`).  Pure but for the remembered secrets, which belong to
the process: messages of any library may show secrets.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from html import escape
from urllib.parse import quote, quote_plus, unquote

MASK = "***"
BLANKED = "\ufdd0"
"""Stands for a secret in a base of relative addresses (`base_without_secrets`): a noncharacter,
which no address of a document has."""
SESSIONS = frozenset("phpsessid jsessionid aspsessionid cfid cftoken oscsid zenid".split())
"""Parameters that hold the id of a session, whatever their value."""

_MAX_LENGTH = 4096  # of an address
_SLASHES = re.compile("//+")
_BEFORE_ADDRESS = frozenset(" \t\r\n\"'(<:")  # before the `//` of an address in a text
_AUTHORITY = re.compile(r"[^/?#]{0,4096}")
_PORT = re.compile(r"(?:\[[^\]]*\]?|[^:\[\]]*)(?::\d+)?")
_DOTTED = re.compile(r"[.:\[]|localhost\Z")
_DIGITS_AND_MORE = re.compile(  # of a password, not a port: `name:12/34@example.org`
    r"((?!localhost:)[^\s/?#@.:\[]{1,64}:\d{1,64}/[^\s/?#@]{1,64})@(?:localhost|[^\s/?#@.]{1,63}\.)"
)
_ADDRESS_END = re.compile(r"[\s\"<>]|\Z")
_PARAMETER = re.compile(r"(?<=[?&;#])([^\s=&;#?\"'<>/]{1,256})=")
_VALUE = re.compile(r"(?:[^&;]|[&;](?![^=&;]{1,256}=))*")
_VALUE_IN_TEXT = re.compile(  # without the punctuation of the sentence around the address
    r"(?:(?![,.:!?)\]]{1,3}(?:\s|\Z))"
    r"(?:[^\s&;\"'<>]|[&;](?=[^\s&;\"'<>])(?![^\s=&;\"'<>]{1,256}=)))*"
)
_NAME_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_NOT_A_URL = ("mailto:", "tag:", "acct:", "urn:")

_SECRET_WORDS = frozenset(
    "auth authentication authorization bearer cred creds hmac jwt oauth otp pass passcode "
    "passkey passwort psk psw pw pwd sig".split()
)
_SECRET_NAME = re.compile(  # of a name without its separators, or of one word of it
    r".*(?:token|secret|passw(?:or)?d|passphrase|signature|credential)s?"
    r"|.*(?:access|account|api|app|auth|client|consumer|customer|download|encryption|feed|license"
    r"|master|member|my|pass|personal|private|rss|secret|security|service|session|shared|signing"
    r"|site|stream|subscriber|subscription|user)keys?(?:id)?"
    r"|.*(?:access|auth|invitation|invite|login|pass|secret|security)code|.*sess(?:ion)?ids?|(?:basic|feed|http|o|rss|user|x)auth"
    r"|(?:db|feed|login|rss|torrent|user)pass"
)
_AFTER_KEY = frozenset({"id", "pair"})  # `Key-Pair-Id`, `AWSAccessKeyId`

_VARIABLE = re.compile(r"\$\{[^{}]{0,4096}\}")
_MIN_SECRET = 4  # characters; shorter ones stand in any text
_MIN_WITHIN_WORD = 8  # a shorter secret may be a part of a word


class _Secrets:
    """The secrets of this process, and a pattern that finds them."""

    def __init__(self) -> None:
        self._texts: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, texts: Iterable[str]) -> None:
        long_texts = {text for text in texts if len(text) >= _MIN_SECRET}
        if long_texts <= self._texts:
            return
        self._texts |= long_texts
        longest_first = sorted(self._texts, key=lambda text: (-len(text), text))
        self._pattern = re.compile("|".join(map(_secret_pattern, longest_first)))

    def masked(self, text: str, mask: str = MASK) -> str:
        return self._pattern.sub(mask, text) if self._pattern else text


def _secret_pattern(secret: str) -> str:
    """Return a pattern for all spellings of a secret in texts, addresses and HTML.

    Programs differ in what they percent-encode (RFC 3986, 2.2), so each character counts alone.
    """
    texts = dict.fromkeys((secret, unquote(secret)))
    spelled = "|".join("".join(map(_character_pattern, text)) for text in texts)
    pattern = f"(?:{spelled})"
    return pattern if len(secret) >= _MIN_WITHIN_WORD else rf"(?<!\w){pattern}(?!\w)"


def _character_pattern(character: str) -> str:
    encoded = quote(character, safe="")
    if encoded == character:
        return re.escape(character)
    spellings = {character, encoded, encoded.lower(), quote_plus(character), escape(character)}
    longest_first = sorted(spellings, key=len, reverse=True)
    return f"(?:{'|'.join(map(re.escape, longest_first))})"


_SECRETS = _Secrets()


def remember_secrets(texts: Iterable[str]) -> None:
    """Mask some texts from now on in every text that the process masks.

    A secret of fewer than four characters is not masked, and one of fewer than eight not within a
    word, as other words would have a `***` in them.
    """
    _SECRETS.add(texts)


def masked(url: str) -> str:
    """Return an address with its secrets as `***`.

    Secrets are user and password, the values of parameters with the name of a secret, variables,
    and the remembered values of variables.  The whole text counts as one address, as a password
    may have characters that should have been percent-encoded.
    """
    url = _SECRETS.masked(url)
    if "${" in url:
        url = _VARIABLE.sub(MASK, url)
    if "@" in url or "%40" in url:
        url = _without_users(url, _end_of_all)
    return _without_values(url, _VALUE) if "=" in url else url


def base_without_secrets(url: str) -> str:
    """Return the address of a document, as a base of relative addresses, without its secrets.

    The remembered values of variables are `BLANKED`; no address with one of these is `absolute`.
    """
    return _SECRETS.masked(url, BLANKED)


def masked_text(text: str) -> str:
    """Return a text with the secrets of all addresses in the text as `***`; see `masked`."""
    text = _SECRETS.masked(text)
    if "@" in text or "%40" in text:
        text = _without_users(text, _end_of_address)
    return _without_values(text, _VALUE_IN_TEXT) if "=" in text else text


def masked_input(text: str) -> str:
    """Return an address that a person typed, masked even if the address is malformed.

    Beyond `masked`: `me:secret@example.org` and `https:/me:secret@example.org` are not URLs with a
    host, but may be meant as such.
    """
    words = masked(text)
    user, at, host = words.rpartition("@")
    if at and ":" in user and "://" not in words and not words.lower().startswith(_NOT_A_URL):
        return f"{MASK}@{host}"
    return words


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Whether a parameter of this name holds a secret: `token`, `X-Plex-Token`, `userApiKey`.

    The words of a name end at separators and capitals: `author` does not contain the word `auth`,
    nor `monkey` the word `key`.
    """
    words = [word.lower() for word in _NAME_WORD.findall(unquote(name))]
    joined = "".join(words)
    if joined in SESSIONS or not _SECRET_WORDS.isdisjoint(words):
        return True
    while len(words) > 1 and words[-1] in _AFTER_KEY:
        del words[-1]
    return words[-1:] == ["key"] or any(map(_SECRET_NAME.fullmatch, (joined, *words)))


def _end_of_all(text: str, _start: int) -> int:
    return len(text)


def _end_of_address(text: str, start: int) -> int:
    end = _ADDRESS_END.search(text, start)
    return end.start() if end else len(text)


def _without_users(text: str, end_of: Callable[[str, int], int]) -> str:
    """Return a text with the users and passwords of its addresses, from `//` to `@`, masked.

    Args:
        text: The text.
        end_of: Returns the end of the address that begins at an index of the text.
    """
    pieces, copied_to, end = [], 0, 0
    for slashes in _SLASHES.finditer(text):
        start = slashes.end()
        before = text[slashes.start() - 1 : slashes.start()]
        if start < copied_to or (before and before not in _BEFORE_ADDRESS):
            continue
        end = end if start < end else end_of(text, start)
        at = _end_of_user(text, start, end)
        if at > start:
            pieces += [text[copied_to:start], MASK]
            copied_to = at
    return "".join([*pieces, text[copied_to:]])


def _end_of_user(text: str, start: int, end: int) -> int:
    """Return the index of the `@` before an address's host, -1 if the address has no user.

    An `@` behind a slash belongs to the path, unless the text before the slash can't be a host: in
    that case the slash (or `?`, `#`) is a part of a password.  So is a `#` without a path, and a
    slash behind digits if the name before the digits has no dot and the name behind the `@` has a
    dot.  In a text that can't be an address otherwise, `%40` is an `@`.
    """
    authority = _AUTHORITY.match(text, start, end)
    behind = authority.end() if authority else start
    at = text.rfind("@", start, behind)
    host = text[max(at + 1, start) : behind]
    broken = not _PORT.fullmatch(host) or (at >= 0 and not _DOTTED.search(host))
    broken = broken or text.startswith("#", behind)
    if not broken:
        digits = _DIGITS_AND_MORE.match(text, start, end)
        return digits.end(1) if digits else at
    later = text.rfind("@", behind, min(end, behind + _MAX_LENGTH))
    return max(at, later) if max(at, later) >= 0 else text.rfind("%40", start, behind)


def _without_values(text: str, value: re.Pattern[str]) -> str:
    """Return a text with the values of secret parameters, and of addresses with secrets, masked."""
    pieces, copied_to = [], 0
    for parameter in _PARAMETER.finditer(text):
        start = parameter.end()
        if start < copied_to:
            continue
        secret = is_secret_name(parameter[1])
        if not secret and text.find("%", start, start + _MAX_LENGTH) < 0:
            continue
        match = value.match(text, start)
        end = match.end() if match else start
        if end > start and (secret or _holds_secret(text[start:end])):
            pieces += [text[copied_to:start], MASK]
            copied_to = end
    return "".join([*pieces, text[copied_to:]])


def _holds_secret(value: str) -> bool:
    """Whether an encoded value is an address with a secret, such as a bridge's `?url=`."""
    if len(value) > _MAX_LENGTH or "%3a%2f" not in value.lower():
        return False
    address = unquote(value)
    if "@" in address and _without_users(address, _end_of_all) != address:
        return True
    return any(is_secret_name(parameter[1]) for parameter in _PARAMETER.finditer(address))
