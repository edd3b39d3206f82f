"""The pages that static web makes itself: listings, and what stands for one that is not wanted.

Their HTML is Swift's own (`swift.common.middleware.staticweb`), so that style sheets and scrapers
written for it go on working.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from urllib.parse import quote

from storage.container.listing import Entry
from storage.container.row import Row
from storage.swift.times import iso
from storage.swift.web_site import WebSite

_SIZE_UNITS = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_ABSOLUTE = ("/", "http://", "https://")
_LISTING_STYLE = """\
  <style type="text/css">
   h1 {font-size: 1em; font-weight: bold;}
   th {text-align: left; padding: 0px 1em 0px 1em;}
   td {padding: 0px 1em 0px 1em;}
   a {text-decoration: none;}
  </style>
"""
_DISABLED_STYLE = """\
  <style type="text/css">
   h1 {font-size: 1em; font-weight: bold;}
   p {font-size: 2}
  </style>
"""


def write_listing(
    site: WebSite, label: str, prefix: str, entries: Sequence[Entry], query: str, top: str
) -> bytes:
    """Return the listing of a directory.

    Args:
        site: of the container.
        label: what the directory is called.
        prefix: of all names in it; empty for the site's root.
        entries: what is in it.
        query: for each link, without its question mark.
        top: prefix of the directory above which no link leads.
    """
    shown = escape(label)
    suffix = f"?{escape(query)}" if query else ""
    rows = "".join(_rows(prefix, entries, suffix))
    parent = _row("", f"../{suffix}", "../") if len(prefix) > len(top) else ""
    return f"""\
<!DOCTYPE html>
<html>
 <head>
  <title>Listing of {shown}</title>
{_style(site, prefix, _LISTING_STYLE)} </head>
 <body>
  <h1 id="title">Listing of {shown}</h1>
  <table id="listing">
   <tr id="heading">
    <th class="colname">Name</th>
    <th class="colsize">Size</th>
    <th class="coldate">Date</th>
   </tr>
{parent}{rows}  </table>
 </body>
</html>
""".encode()


def write_disabled(site: WebSite, label: str, prefix: str) -> bytes:
    """Return the page that says that there is neither an index nor a listing."""
    missing = ""
    if site.index:
        missing = (
            "<h1>Index File Not Found</h1> <p>The owner of this web site has set "
            f" <b>X-Container-Meta-Web-Index: {escape(site.index)}</b>. "
            " However, this file is not found.</p>"
        )
    return f"""\
<!DOCTYPE html>
<html>
<head>
<title>Listing of {escape(label)}</title>
{_style(site, prefix, _DISABLED_STYLE)}</head>
<body>  <h1>Web Listing Disabled</h1>   <p>The owner of this web site has disabled web listing.\
   <p>If you are the owner of this web site, you can enable   web listing by setting \
X-Container-Meta-Web-Listings.</p>{missing} </body>
</html>
""".encode()


def _style(site: WebSite, prefix: str, default: str) -> str:
    css = site.listings_css
    if not css:
        return default
    path = quote(css, ":/") if css.startswith(_ABSOLUTE) else "../" * prefix.count("/") + quote(css)
    return f'  <link rel="stylesheet" type="text/css" href="{path}" />\n'


def _rows(prefix: str, entries: Sequence[Entry], suffix: str) -> Iterator[str]:
    """Yield the directories, then the objects."""
    for name, row in entries:
        if row is None:
            shown = name[len(prefix) :]
            yield _row("subdir", _link(shown, suffix), shown)
    for name, row in entries:
        if row is not None:
            shown = name[len(prefix) :]
            kinds = " ".join(f"type-{kind.lower()}" for kind in row.content_type.split("/"))
            yield _row(kinds, _link(shown, suffix), shown, row)


def _link(name: str, suffix: str) -> str:
    return f"./{quote(name).replace('.', '%2E')}{suffix}"


def _row(kind: str, link: str, name: str, row: Row | None = None) -> str:
    size = "&nbsp;" if row is None else human_readable(row.size_bytes)
    date = "&nbsp;" if row is None else iso(row.timestamp).partition(".")[0].replace("T", " ")
    opening = f'<tr class="item {escape(kind)}">' if kind else '<tr id="parent" class="item">'
    return f"""\
   {opening}
    <td class="colname"><a href="{link}">{escape(name)}</a></td>
    <td class="colsize">{size}</td>
    <td class="coldate">{date}</td>
   </tr>
"""


def human_readable(size_bytes: int) -> str:
    """Return a size in the largest unit of which there is one, rounded: 1048576 is "1Mi"."""
    value, unit = float(size_bytes), 0
    while value >= 1024 and unit + 1 < len(_SIZE_UNITS):
        value, unit = round(value / 1024), unit + 1
    return f"{round(value)}{_SIZE_UNITS[unit]}"
