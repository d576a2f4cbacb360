"""Who paid whom: one picture per funding model, and the same as a list for narrow screens.

Who trades stands in the middle. To the left, what a trade moves at once: claims against BFS, and
the platform's revenue. To the right, what settles it later: money between bank accounts.
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

from markupsafe import Markup

from replay.day_page.funds_flow import FundsFlow, Lane, Movement, Party
from replay.day_page.tally import Tally
from scripts.day_page.words import LANE_NAMES, counted, dollars

# Pixels of a drawing that is 1080 wide.
_WIDTH = 1080
_BOX = 170
_MIDDLE_LEFT, _MIDDLE_RIGHT = 425, 655
_BLOCK = 66  # an arrow with two lines of text above it
_BETWEEN = 16
_THICK_MAX, _THICK_MIN = 18.0, 2.0
_HEAD = 9

# In the middle: who trades, and where their cash is.
_MIDDLE = {
    Lane.MARKETPLACE: (Party.CUSTOMERS, Party.FBO),
    Lane.APEX_CLEARING: (Party.CUSTOMERS, Party.CLEARING_FIRM),
    Lane.NET_SETTLEMENT: (Party.CLIENTS, None),
}
_LEFT = (Party.BFS, Party.REVENUE)
_RIGHT = (Party.BUSINESS, Party.OUTSIDE_BANKS)
_ABOUT = {
    Lane.MARKETPLACE: "Each trade is cash-called against the customer's cash in the FBO account.",
    Lane.APEX_CLEARING: "Each cash call is a journal request that the clearing firm answers.",
    Lane.NET_SETTLEMENT: "The client owes its customers' trades, in one net wire a day.",
    Lane.CLIENT_SHARES: "What clients earn, and what customers never paid.",
}
_ORDER = (
    "buys",
    "sells",
    "markup",
    "commission",
    "cash calls of buys",
    "cash calls of sells",
    "net wires received",
    "net wires sent",
    "adjustments down",
    "adjustments up",
    "deposits",
    "withdrawals",
    "deposits returned",
)
# What an entry of a movement is called.
_ENTRIES = {"buys": "execution", "sells": "execution"}


class Row(NamedTuple):
    """One movement in words: `share` is the width of its bar, in hundredths."""

    payer: str
    payee: str
    why: str
    entries: str
    amount: str
    share: str


class Picture(NamedTuple):
    """A lane: its drawing (None where a list says it all) and its movements."""

    lane: str
    css: str
    about: str
    svg: Markup | None
    rows: list[Row]


class _Arrow(NamedTuple):
    caption: str
    tally: Tally
    outward: bool  # away from who stands in the middle


class _Box(NamedTuple):
    party: Party
    arrows: list[_Arrow]
    note: str


def flow_pictures(flow: FundsFlow) -> list[Picture]:
    """Return the pictures of all lanes in which something moved."""
    most = max((tally.cents for tally in flow.movements.values()), default=0)
    pictures = []
    for lane in Lane:
        moved = sorted(
            ((m, t) for m, t in flow.movements.items() if m.lane is lane),
            key=lambda both: (_place(both[0].why), both[0]),
        )
        if moved:
            svg = _drawing(lane, moved, most) if lane in _MIDDLE else None
            rows = [_row(movement, tally, most) for movement, tally in moved]
            css = lane.value.lower().replace("_", "-")
            pictures.append(Picture(LANE_NAMES[lane], css, _ABOUT[lane], svg, rows))
    return pictures


def _place(why: str) -> int:
    return _ORDER.index(why) if why in _ORDER else len(_ORDER)


def _row(movement: Movement, tally: Tally, most: int) -> Row:
    return Row(
        movement.payer.value,
        movement.payee.value,
        movement.why,
        counted(tally.count, _ENTRIES.get(movement.why, "entry"), _plural(movement.why)),
        dollars(tally.cents),
        f"{max(1.0, 100 * sqrt(tally.cents / most)) if most else 1.0:.1f}",
    )


def _plural(why: str) -> str:
    return "" if why in _ENTRIES else "entries"


def _thick(cents: int, most: int) -> float:
    """Return an arrow's width: by the root of its amount, so that small ones are still seen."""
    return max(_THICK_MIN, _THICK_MAX * sqrt(cents / most)) if most else _THICK_MIN


def _drawing(lane: Lane, moved: Sequence[tuple[Movement, Tally]], most: int) -> Markup:
    left = [_box(party, moved) for party in _LEFT]
    right = [_box(party, moved) for party in _RIGHT]
    right = [box for box in right if box.arrows or box.party is Party.BUSINESS]
    height = max(_needed(left), _needed(right))
    shapes = [*_middle(lane, height)]
    shapes += _side(left, height, most, at_left=True)
    shapes += _side(right, height, most, at_left=False)
    return Markup(
        '<svg class="flow" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(
        _WIDTH,
        height,
        f"Flow of funds, {LANE_NAMES[lane]}; the list that follows has the same amounts.",
        Markup("").join(shapes),
    )


def _box(party: Party, moved: Sequence[tuple[Movement, Tally]]) -> _Box:
    """Collect what passed between a party and who stands in the middle."""
    arrows = []
    notes = []
    fees = [_Arrow("", Tally(), outward=True)] if party is Party.REVENUE else []
    for movement, tally in moved:
        if party not in (movement.payer, movement.payee):
            continue
        if party is Party.REVENUE:
            if movement.payer is Party.BFS:
                notes.append(f"{movement.why} {dollars(tally.cents)}")
            else:
                fees[0].tally.count = max(fees[0].tally.count, tally.count)
                fees[0].tally.cents += tally.cents
            continue
        if party is Party.BFS and movement.payee is Party.REVENUE:
            continue
        what = counted(tally.count, _ENTRIES.get(movement.why, "entry"), _plural(movement.why))
        arrows.append(_Arrow(f"{movement.why} · {what}", tally, outward=movement.payee is party))
    if fees and fees[0].tally.cents:
        arrows.append(_Arrow("markup and commission of buys", fees[0].tally, outward=True))
    note = f"of sells, from BFS: {', '.join(notes)}" if notes else ""
    return _Box(party, arrows, note)


def _needed(boxes: Sequence[_Box]) -> int:
    return sum(_height(box) for box in boxes) + _BETWEEN * (len(boxes) - 1)


def _height(box: _Box) -> int:
    return max(1, len(box.arrows)) * _BLOCK + (_BLOCK // 2 if box.note else 0)


def _middle(lane: Lane, height: int) -> list[Markup]:
    trader, bank = _MIDDLE[lane]
    width = _MIDDLE_RIGHT - _MIDDLE_LEFT
    shapes = [_rect(_MIDDLE_LEFT, 0, width, height, "party trader")]
    half = width // 2
    if bank is None:
        shapes.append(_text(_MIDDLE_LEFT + half, height / 2, trader.value, "name"))
        return shapes
    shapes += [
        Markup('<path class="fold" d="M{} 8V{}"/>').format(_MIDDLE_LEFT + half, height - 8),
        _text(_MIDDLE_LEFT + half // 2, height / 2, trader.value, "name"),
        *_words(_MIDDLE_RIGHT - half // 2, height / 2, bank.value, "name"),
    ]
    return shapes


def _side(boxes: Sequence[_Box], height: int, most: int, *, at_left: bool) -> list[Markup]:
    """Draw a side's boxes from the top down; the first one takes the room that is left."""
    shapes = []
    spare = height - _needed(boxes)
    top = 0
    for index, box in enumerate(boxes):
        tall = _height(box) + (spare if index == 0 else 0)
        x = 0 if at_left else _WIDTH - _BOX
        kind = "revenue" if box.party is Party.REVENUE else "bank"
        shapes.append(_rect(x, top, _BOX, tall, f"party {kind}"))
        middle = top + tall / 2
        if box.note:
            first, _, rest = box.note.partition(": ")
            shapes.append(_text(x + _BOX // 2, middle - 22, box.party.value, "name"))
            for line, text in enumerate((first, *rest.split(", "))):
                shapes.append(_text(x + _BOX // 2, middle - 2 + 16 * line, text, "note"))
        else:
            shapes.append(_text(x + _BOX // 2, middle, box.party.value, "name"))
        if not box.arrows and box.party is Party.BUSINESS:
            x_between = (_MIDDLE_RIGHT + _WIDTH - _BOX) / 2
            shapes.append(_text(x_between, middle, "no money has moved yet", "caption"))
        blocks = len(box.arrows) * _BLOCK
        y = top + (tall - blocks) / 2
        for arrow in box.arrows:
            shapes += _arrow(arrow, y, most, at_left=at_left)
            y += _BLOCK
        top += tall + _BETWEEN
    return shapes


def _arrow(arrow: _Arrow, y: float, most: int, *, at_left: bool) -> list[Markup]:
    inner = _MIDDLE_LEFT - 4 if at_left else _MIDDLE_RIGHT + 4
    outer = _BOX + 4 if at_left else _WIDTH - _BOX - 4
    begin, end = (inner, outer) if arrow.outward else (outer, inner)
    forward = 1 if end > begin else -1
    thick = _thick(arrow.tally.cents, most)
    line = y + 50
    half, head = thick / 2, thick / 2 + 4
    neck = end - forward * _HEAD
    path = (
        f"M{begin} {line - half:.1f}H{neck}V{line - head:.1f}L{end} {line:.1f}"
        f"L{neck} {line + head:.1f}V{line + half:.1f}H{begin}Z"
    )
    middle = (begin + end) / 2
    css = "arrow out" if arrow.outward else "arrow back"
    return [
        _text(middle, y + 11, arrow.caption, "caption"),
        _text(middle, y + 28, dollars(arrow.tally.cents), "amount"),
        Markup('<path class="{}" d="{}"/>').format(css, path),
    ]


def _rect(x: float, y: float, width: float, height: float, css: str) -> Markup:
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="8"/>').format(
        css, x + 0.5, y + 0.5, width - 1, height - 1
    )


def _words(x: float, y: float, text: str, css: str) -> list[Markup]:
    """Write a name of two words in two lines."""
    first, _, second = text.partition(" ")
    if not second:
        return [_text(x, y, text, css)]
    return [_text(x, y - 9, first, css), _text(x, y + 9, second, css)]


def _text(x: float, y: float, text: str, css: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}">{}</text>').format(css, x, f"{y:.1f}", text)
