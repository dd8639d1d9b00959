"""What revisions compute in Python, as the program computed it when each revision was written.

None of this may ever be changed, not even when the program's own rule changes: a revision must do
to a database today what it did on the day it was released.  A new rule comes with a new revision
that brings the stored values up to date.  So nothing in `migrations` imports anything of the
program's outside of it; tests/test_architecture.py holds that, tests/test_frozen.py the outcomes.

character_references    text without references of HTML: 0002, 0007, 0012, 0016
indexed_texts           what the index of texts holds: 0002, 0012, 0016
canonical_links         addresses of one page, sites: 0004, 0006, 0007
entry_identity          the keys that entries of one feed are known by: 0006
story_fingerprints      the keys that copies in other feeds are found by: 0007
"""
