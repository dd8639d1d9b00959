"""Pages in place of former pages: a web server of files does not redirect by itself.  Pure."""

from html import escape


def moved_page(title: str, path: str, url: str) -> str:
    """Return a page that leads browsers on at once, and tells search engines the address.

    Args:
        title: Of the present page.
        path: Relative path to the present page, percent-encoded.
        url: Absolute URL of the present page.
    """
    title, path, url = escape(title), escape(path), escape(url)
    return f"""\
<!doctype html>
<html>
<head>
<meta charset="utf-8">
<title>{title}</title>
<meta http-equiv="refresh" content="0; url={path}">
<link rel="canonical" href="{url}">
</head>
<body><p><a href="{path}">{title}</a></p></body>
</html>
"""
