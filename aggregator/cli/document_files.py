"""The merged feeds of a list as files: the first document, and archives or older pages."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from urllib.parse import unquote

from aggregator import merged, publish
from aggregator.cli.list_cuts import ListCuts
from aggregator.config import Config
from aggregator.database import Engine, database_time
from aggregator.database.lists import read_lists
from aggregator.dates import Week
from aggregator.errors import AggregatorError
from aggregator.merged import ListRequest, Publication
from aggregator.model import Cursor, ListScope
from aggregator.publish import Document, Format

# As `Publication.url` writes them; places below 1970 are negative.
_ARCHIVE = re.compile(r"([0-9]{4}-W[0-9]{2})(?:-after-(-?[0-9]+))?(?:-(-?[0-9]+))?")


class ListFeeds:
    """The merged feeds of one list."""

    def __init__(self, config: Config, engine: Engine, scope: ListScope) -> None:
        self._base_url = config.base_url
        self._publication = replace(Publication.of(config), files=True)
        self._engine = engine
        self._scope = scope
        with engine.connect() as connection:
            self._now = database_time(connection)
            ids = read_lists.entry_ids(connection, scope)[::-1]
            self._head = merged.document_head(connection, scope, self._publication, now=self._now)
        self._cuts = ListCuts(ids, merged.DEFAULT_LIMIT)

    def forms_together(self, formats: Collection[str]) -> list[list[Format]]:
        """Return the formats to write, those together whose pages have the same entries."""
        forms = [form for form in Format if form.value in formats]
        archived = [form for form in forms if merged.has_archives(self._scope, form)]
        paged = [form for form in forms if form not in archived]
        return [group for group in (archived, paged) if group]

    def files(self, forms: Sequence[Format]) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of each document, before the documents that it links to.

        Args:
            forms: Of `forms_together`.

        Raises:
            AggregatorError: The list does not exist in the database.
        """
        requests = [ListRequest(self._scope, form) for form in forms]
        while requests:
            older_requests = []
            for request, document in zip(requests, self._documents(requests), strict=True):
                yield self._path(document.self_url), publish.render(document, request.form)
                older = document.prev_archive_url or document.next_url
                if older is not None:
                    older_requests.append(_older_at(request, self._path(older)))
            requests = older_requests

    def _documents(self, requests: Sequence[ListRequest]) -> list[Document]:
        """Return the documents of one page or archive in several formats."""
        first = requests[0]
        with self._engine.connect() as connection:
            page = None
            if first.week is None:
                page = merged.entries_for_documents(
                    connection,
                    self._scope,
                    before=first.before,
                    limit=self._cuts.length(first.before),
                )
            documents = [
                merged.document(
                    connection,
                    request,
                    self._publication,
                    now=self._now,
                    head=self._head,
                    page=page,
                )
                for request in requests
            ]
        complete = [document for document in documents if document is not None]
        if len(complete) < len(documents):
            raise AggregatorError(f"{merged.document_path(first)}: there is no such list")
        return complete

    def _path(self, url: str) -> str:
        return unquote(url.removeprefix(f"{self._base_url}/"))


def _older_at(request: ListRequest, path: str) -> ListRequest:
    """Return the request for an archive, or an older page, at a path of `Publication.url`."""
    folder, _, file = path.rpartition("/")
    name = file.removesuffix(f".{request.form.suffix}")
    if folder.endswith("page"):
        return replace(request, before=Cursor.parse(name))
    match = _ARCHIVE.fullmatch(name)
    if match is None:
        raise AggregatorError(f"{path}: not the name of an archive")
    after, before = (Cursor.parse(text) if text else None for text in match.groups()[1:])
    return replace(request, week=Week.parse(match[1]), before=before, after=after)
