"""Answers of the clearing firm: right, wrong, late, repeated, contradictory, or none."""

from settlement.apex_journal import REJECTIONS as UNDERSTOOD
from tests.fuzz.sent import Tag
from tests.fuzz.world import Event, World

REJECTIONS = tuple(UNDERSTOOD)


def draw(world: World) -> tuple[Event, Tag] | None:
    """Return one answer, None while nothing can be answered."""
    rng = world.rng
    roll = rng.random()
    if world.journals and roll < 0.8:
        return _answer(world, world.journals.popleft())
    if not world.answers:
        return None
    known = rng.choice(world.answers)
    event = dict(known, event_id=world.id("j"), event_time=world.new("")["event_time"])
    kind = event["type"]
    if roll < 0.85:
        return event, Tag(kind, step="repeat", repeats=True)
    if roll < 0.90:
        return event | {"journal_id": world.id("no-journal-")}, Tag(kind, step="unknown journal")
    if roll < 0.93:
        return event | {"account_id": "NOA00001"}, Tag(kind, step="unknown account")
    if kind == "ApexJournalCompleted":
        event |= {"type": "ApexJournalRejected", "reason": rng.choice(REJECTIONS)}
    else:
        event |= {"type": "ApexJournalCompleted"}
    return event, Tag(event["type"], step="contradiction")


def _answer(world: World, journal: Event) -> tuple[Event, Tag] | None:
    rng = world.rng
    named = {
        "account_id": journal["account_id"],
        "journal_id": journal["journal_id"],
        "amount": journal["amount"],
    }
    roll = rng.random()
    if roll < 0.06:
        return None  # a retry times out, and asks again under the same ID
    if roll < 0.09:
        world.journals.append(journal)  # the right answer follows
        event = world.new("ApexJournalCompleted", **named | {"amount": "1234567.89"})
        return event, Tag("ApexJournalCompleted", step="other amount")
    if roll < 0.50:
        reason = rng.choice(REJECTIONS)
        event = world.new("ApexJournalRejected", **named, reason=reason)
        world.answers.append(event)
        if rng.random() < 0.3:
            event = event | {"amount": None}
        return event, Tag("ApexJournalRejected", step=f"rejected {reason}")
    if roll < 0.52:
        event = world.new("ApexJournalRejected", **named, reason="a word of the firm's")
        return event, Tag("ApexJournalRejected", step="rejected, other reason")
    event = world.new("ApexJournalCompleted", **named)
    world.answers.append(event)
    return event, Tag("ApexJournalCompleted", step="completed")
