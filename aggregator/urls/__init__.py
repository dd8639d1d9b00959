"""URLs and URIs: syntax, hosts and sites, secrets, identifiers, slugs.  Pure.

syntax          absolute, resolved, normalized
hosts           private or public, and the site that a host belongs to
identifiers     URIs that identify feeds and entries
masking         secrets as `***`
slugs           texts as parts of addresses
feed_addresses  addresses of feeds as people and programs write them
"""

from aggregator.urls.hosts import host_and_port, is_loopback, is_private, name_in_dns, site_of
from aggregator.urls.identifiers import feed_uri, is_name
from aggregator.urls.masking import (
    BLANKED,
    MASK,
    SESSIONS,
    base_without_secrets,
    is_secret_name,
    masked,
    masked_input,
    masked_text,
    remember_secrets,
)
from aggregator.urls.slugs import (
    MAX_NAME,
    category_key,
    category_slugs,
    matching_categories,
    slug,
    unused_name,
)
from aggregator.urls.syntax import (
    MAX_HOST,
    MAX_LENGTH,
    WEB_SCHEMES,
    absolute,
    host_of,
    in_ascii,
    is_absolute,
    is_plain,
    is_web,
    joined,
    normalized,
    port_of,
)

__all__ = [
    "BLANKED",
    "MASK",
    "MAX_HOST",
    "MAX_LENGTH",
    "MAX_NAME",
    "SESSIONS",
    "WEB_SCHEMES",
    "absolute",
    "base_without_secrets",
    "category_key",
    "category_slugs",
    "feed_uri",
    "host_and_port",
    "host_of",
    "in_ascii",
    "is_absolute",
    "is_loopback",
    "is_name",
    "is_plain",
    "is_private",
    "is_secret_name",
    "is_web",
    "joined",
    "masked",
    "masked_input",
    "masked_text",
    "matching_categories",
    "name_in_dns",
    "normalized",
    "port_of",
    "remember_secrets",
    "site_of",
    "slug",
    "unused_name",
]
