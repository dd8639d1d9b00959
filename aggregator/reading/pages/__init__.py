"""Documents without a feed -> `ParsedFeed`, by the selectors of config.yaml.  Pure.

The libraries for selectors are loaded where a page is read or a selector is checked, and nowhere
else: import the modules inside of functions.

page_reader       the only way in: reads the items of a document by `PageKind`, keeps the contract
page_items        the items of a document, the same for all kinds
page_contract     whether a document has the posts that config.yaml promises
html_items        the items of an HTML page
json_items        the items of a JSON document; json_paths has the paths into it
sitemap_items     the pages of a sitemap
selector_syntax   what may be written in config.yaml: `selector@attribute`, and its mistakes
proposal          selectors for the posts of an HTML page that nobody has described
page_outline      a page as a tree of elements
repetition        groups of elements that repeat each other
item_slots        the places within repeated elements; part_scores: which are title, date ...
item_parts        the parts of repeated elements
item_selector     the selector of a group of elements; selector_cost: how long it will last
"""
