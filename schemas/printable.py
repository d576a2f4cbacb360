"""Text from records and other programs, made safe for a terminal, a log and a page."""

import json


def printable(text: str) -> str:
    r"""Return `text` with every character that a terminal may act on escaped.

    Escaped, as JSON does it (`\n`, `\u001b`): the control characters C0, DEL and C1, line and
    paragraph separators, marks of writing direction and other invisible format characters,
    unusual spaces, and halves of surrogate pairs: everything that `str.isprintable` refuses. So
    the result is one line, can be encoded in UTF-8, and inside a JSON string keeps its value.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else json.dumps(character)[1:-1] for character in text
    )
