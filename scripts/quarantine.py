"""`settle quarantine`: takes one record out of the way of the tasks that cannot get past it."""

import sys
from typing import Annotated

import typer

from schemas.quarantine import WHY_LENGTH_MAX
from scripts.errors import Failure
from scripts.settings import broker, read_settings
from topics.catalogue import CATALOGUE, MARKET_FEED, QUARANTINES


def quarantine(
    topic: Annotated[str, typer.Argument(help="An input topic, or market-feed.")],
    partition: Annotated[int, typer.Argument(min=0, help="As /health names it.")],
    offset: Annotated[int, typer.Argument(min=0, help="As /health names it.")],
    why: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help=f"Goes into the dead letter: 1 to {WHY_LENGTH_MAX} characters, one line.",
        ),
    ],
) -> None:
    """Let the tasks skip one record that they cannot get past because of a defect in our code.

    Each task partition that has not applied the record skips it at its next try or restart; one of
    them writes it to dead-letters (QUARANTINED). It cannot be undone: send the record again under
    a new ID when the defect is fixed.

    Example: settle quarantine orders 2 1017 --why "OverflowError in the fill, ticket 4711"
    """
    from agents.quarantines import NoSuchRecordError, quarantine_record
    from pipeline.quarantine import may_be_quarantined
    from scripts.live import check_partitions, run

    if topic not in CATALOGUE:
        raise Failure(f"no topic {topic!r}; there are {', '.join(CATALOGUE)}")
    if not may_be_quarantined(topic):
        raise Failure(
            f"{topic}: only a record of an input topic or of {MARKET_FEED} can be quarantined; one"
            " between our tasks can only be cured in the code"
        )
    if not 1 <= len(why) <= WHY_LENGTH_MAX or not why.isprintable():
        raise typer.BadParameter(
            f"1 to {WHY_LENGTH_MAX} characters on one line, not {len(why)}", param_hint="--why"
        )
    settings = read_settings()
    check_partitions(settings, [topic, QUARANTINES])
    if partition >= settings.partitions:
        raise Failure(f"{topic} has partitions 0 to {settings.partitions - 1}, not {partition}")
    try:
        before = run(settings, quarantine_record(broker(settings), topic, partition, offset, why))
    except NoSuchRecordError as error:
        raise Failure(str(error)) from None
    place = f"{topic}-{partition} offset {offset}"
    if before is not None:
        sys.stdout.write(f"{place} is quarantined already: {before}\n")
        return
    sys.stdout.write(
        f"{place} is quarantined; a parked partition skips it within a minute, and /health shows"
        " when it goes on\n"
    )
