"""Which entries of several feeds are the same story.  Pure.

story_keys       the keys for finding entries of the same story
tokens           the words of texts and titles
articles         an entry, for comparison
similarity       whether two entries are the same story
grouping         the stories made of linked entries
representatives  which entry of a story the lists show
"""
