"""The merged documents: addresses, titles and entries of each list as a feed.

    ListRequest (list, format, page or week) -> document -> publish.render

The web answers with the documents, the hub delivers the documents, the export writes files: all
three have the same documents, because all are made here.

    addresses       requests for documents, their addresses, ids of lists
    list_documents  a page of a list
    archives        the entries of a week
    health_document the episodes of feeds and of the program
    weekly_issues   the articles of a week, for reading
"""

from aggregator.merged.addresses import (
    DEFAULT_LIMIT,
    HUB_PATH,
    MAX_LIMIT,
    ListRequest,
    Publication,
    document_path,
    embed_path,
    health_path,
    list_path,
    merged_lists,
    opml_path,
    post_path,
)
from aggregator.merged.archives import has_archives
from aggregator.merged.health_document import EpisodeText, health_document
from aggregator.merged.list_documents import document, document_head, entries_for_documents
from aggregator.merged.weekly_issues import (
    epub_path,
    issue,
    issue_feed_path,
    issue_path,
    issue_weeks,
    issues_document,
)

__all__ = [
    "DEFAULT_LIMIT",
    "HUB_PATH",
    "MAX_LIMIT",
    "EpisodeText",
    "ListRequest",
    "Publication",
    "document",
    "document_head",
    "document_path",
    "embed_path",
    "entries_for_documents",
    "epub_path",
    "has_archives",
    "health_document",
    "health_path",
    "issue",
    "issue_feed_path",
    "issue_path",
    "issue_weeks",
    "issues_document",
    "list_path",
    "merged_lists",
    "opml_path",
    "post_path",
]
