"""Which entries of several feeds are the same story.  Pure.

story_keys       the keys by which entries that may be the same story find each other
tokens           the words of texts and titles
articles         an entry as it is compared
similarity       whether two entries are the same story
grouping         the stories that follow from pairs
representatives  which entry of a story the lists show
"""
