"""The merged documents: which entries stand at which address, and what each list is called.

    ListRequest (list, format, page or week) -> document -> publish.render

The web answers with the documents, the hub delivers them, the export writes them to files: all
three have the same ones, because they are made here.

    addresses       which document is requested, and where it is; ids
    list_documents  a page of a list
    archives        what came in one week
"""

from aggregator.merged.addresses import (
    DEFAULT_LIMIT,
    HUB_PATH,
    MAX_LIMIT,
    ListRequest,
    Publication,
    document_path,
    list_path,
)
from aggregator.merged.list_documents import document

__all__ = [
    "DEFAULT_LIMIT",
    "HUB_PATH",
    "MAX_LIMIT",
    "ListRequest",
    "Publication",
    "document",
    "document_path",
    "list_path",
]
