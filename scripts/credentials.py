"""Addresses without the credentials that people put into them."""

import re

HIDDEN = "(not shown)"
# Also with one slash, as a path is printed. A JSON text around it ends at its quotation mark.
_USER = re.compile(r'(\w+:/+)[^\s"]*@')
_QUERY = re.compile(rf"(\w+:/+[^\s?#]*)[?#](?!{re.escape(HIDDEN)})\S*")


def without_credentials(text: str) -> str:
    """Hide user, password, query and fragment of every URL in a text."""
    if ":/" not in text:
        return text
    return _QUERY.sub(rf"\1?{HIDDEN}", _USER.sub(rf"\1{HIDDEN}@", text))


def address_without_credentials(text: str) -> str:
    """Hide the same of a setting that is one address or several, with `://` or without."""
    if "@" in text:
        scheme, mark, _ = text.rpartition("@")[0].partition("://")
        text = f"{f'{scheme}{mark}' if mark else ''}{HIDDEN}@{text.rpartition('@')[2]}"
    address, query, _ = text.partition("?")
    return f"{address}?{HIDDEN}" if query else without_credentials(text)
