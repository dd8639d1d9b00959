"""How much of a document is read.

`prefilter` declines larger documents, `parse` reads larger documents up to the limits.

feedparser takes time and memory for every element of any kind (docs/cost.md).
"""

MAX_ENTRIES = 5000
"""Entries of one document that are read; later entries are left out."""

MAX_ATTRIBUTES = 256
"""An element with more is read without any: feedparser's time grows with the square."""

MAX_DEPTH = 200
"""Elements within each other."""

MAX_OPEN = 20_000
"""Elements within each other in a document that is not well-formed, where many lack an end tag."""

MAX_ELEMENTS_IN_ENTRY = 10_000
MAX_ELEMENTS = 200_000

MAX_NAMESPACE = 200
"""Bytes of a namespace's name.  expat writes the name out before each element and attribute, so a
long name costs its length for every `<a/>`; the longest names in use have about 60 bytes."""

MAX_BROKEN = 2_000_000
"""Bytes that are read of a document that is not well-formed: feedparser's loose parser takes far
more time and memory than the strict one."""
