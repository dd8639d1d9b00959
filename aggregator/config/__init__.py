"""config.yaml -> Config, or every problem with line and column; and adding feeds to the file.

    text -> yaml_document -> variables -> option_validation -> subscriptions -> Config

config_file        joins the steps
config_text        reads the text of a file, reports all problems
feed_files         the feeds of config.yaml, and of the files that it includes
variables          values of variables from the environment and from files
yaml_document      values and their places in the text; yaml_mistakes explains broken syntax
options            keys, types, defaults; feed_options those of a feed; option_readers says how each
                   text is read
files              files beside config.yaml; page_files reads those of the pages
value_parsers      titles, names, spans, numbers; address_parsers reads addresses
scalar_places      where a part of a text stands in the file
key_reference      what each key means; value_forms: what each reader takes; json_schema makes of
                   both the JSON Schema of the file
option_validation  values -> options, or every fault
config_faults      a fault in a value
stray_characters   invisible and confusable characters
feed_requests      headers and user agents of feeds and hosts; header_parsers reads headers
subscriptions      items of `feeds` -> subscriptions with unique names
opml_lists         the same for the feeds of OPML lists
remarks            remarks on a valid file: rule_remarks on rules, file_permissions on secrets that
                   others can read
appending          adds feeds; subscription_edits removes and renames them, with feed_edits;
                   yaml_text writes scalars; atomic_write replaces the file
address_edits      what the files would be with other addresses of feeds
"""

from aggregator.config.address_edits import ChangedFile, NewAddress, with_new_addresses
from aggregator.config.address_parsers import feed_url, site_of_host
from aggregator.config.appending import Appended, append, append_to_file, feed_text, has_feed
from aggregator.config.atomic_write import clear_leftovers, write
from aggregator.config.config_file import (
    count_unread,
    database_url,
    line_of,
    line_of_feed,
    load,
    parse,
    reached_at_port,
)
from aggregator.config.config_text import read
from aggregator.config.feed_requests import request_at
from aggregator.config.files import PageFile, Stamp, Watched, present_stamps, save_times
from aggregator.config.network_options import HostOptions, NetworkOptions, RequestOptions
from aggregator.config.opml_lists import is_allowed, with_opml_lists
from aggregator.config.options import (
    Config,
    FeedPlace,
    OpmlList,
    PageOptions,
    PollOptions,
    PublishOptions,
    RetentionOptions,
    StoriesOptions,
    WebOptions,
    WebSubOptions,
)
from aggregator.config.page_files import Face, Logo
from aggregator.config.remarks import notes, source_notes
from aggregator.config.rule_remarks import unknown_sources
from aggregator.config.subscription_edits import remove_feed, remove_opml_list, rename_feed
from aggregator.config.subscriptions import same_feed_key

__all__ = [
    "Appended",
    "ChangedFile",
    "Config",
    "Face",
    "FeedPlace",
    "HostOptions",
    "Logo",
    "NetworkOptions",
    "NewAddress",
    "OpmlList",
    "PageFile",
    "PageOptions",
    "PollOptions",
    "PublishOptions",
    "RequestOptions",
    "RetentionOptions",
    "Stamp",
    "StoriesOptions",
    "Watched",
    "WebOptions",
    "WebSubOptions",
    "append",
    "append_to_file",
    "clear_leftovers",
    "count_unread",
    "database_url",
    "feed_text",
    "feed_url",
    "has_feed",
    "is_allowed",
    "line_of",
    "line_of_feed",
    "load",
    "notes",
    "parse",
    "present_stamps",
    "reached_at_port",
    "read",
    "remove_feed",
    "remove_opml_list",
    "rename_feed",
    "request_at",
    "same_feed_key",
    "save_times",
    "site_of_host",
    "source_notes",
    "unknown_sources",
    "with_new_addresses",
    "with_opml_lists",
    "write",
]
