"""`settle apex-simulator`: a clearing firm to try the live pipeline with, and its faults."""

import asyncio
import re
from typing import Annotated

import typer

from scripts.errors import Failure

_SHARE = re.compile(r"(0(?:\.\d+)?|1(?:\.0+)?)")
_REJECTION = re.compile(rf"{_SHARE.pattern}/(\S+)")


def _share(option: str, text: str) -> float:
    if not _SHARE.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is no share of 0 to 1", param_hint=option)
    return float(text)


def _rejection(text: str) -> tuple[float, str]:
    found = _REJECTION.fullmatch(text)
    if found is None:
        raise typer.BadParameter(
            f"{text!r} is not SHARE/REASON, such as 0.1/INSUFFICIENT_FUNDS", param_hint="--reject"
        )
    return float(found[1]), found[2]


def apex_simulator(  # noqa: PLR0913, PLR0917 - one option a fault
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8790,
    seed: Annotated[int, typer.Option(help="Same seed, same journals with a fault.")] = 1,
    reject: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SHARE/REASON",
            help="Reject a share of the journals, e.g. 0.1/LIMIT_REVIEW; repeatable.",
        ),
    ] = None,
    delay: Annotated[
        int,
        typer.Option(
            metavar="MS", min=0, help="Answer so many milliseconds late; until then: on its way."
        ),
    ] = 0,
    repeat: Annotated[
        str, typer.Option(metavar="SHARE", help="Of the journals: answer twice.")
    ] = "0",
    contradict: Annotated[
        str, typer.Option(metavar="SHARE", help="Of the journals: answer, then say the contrary.")
    ] = "0",
    never: Annotated[
        str, typer.Option(metavar="SHARE", help="Of the journals: never answer.")
    ] = "0",
    server_error: Annotated[
        str, typer.Option("--5xx", metavar="SHARE", help="Of the attempts: answer 503.")
    ] = "0",
    cut: Annotated[
        str,
        typer.Option(metavar="SHARE", help="Of the attempts: cut the connection, done or not."),
    ] = "0",
    history: Annotated[
        bool,
        typer.Option("--history", help="Answers bear their request's time: a produced history."),
    ] = False,
) -> None:
    """Run a simulated clearing firm over HTTP, with faults to choose.

    A worker with SETTLE_APEX_URL=http://127.0.0.1:8790 asks it. Its books: GET on the same address.
    A SHARE is 0 to 1, of the journals or of the attempts to ask for one.

    Example: settle apex-simulator --reject 0.1/INSUFFICIENT_FUNDS --delay 2000 --cut 0.05
    """
    # Imported here: no other command serves HTTP by itself.
    from scripts.simulated_firm import Faults, Firm, serve

    faults = Faults(
        seed,
        tuple(_rejection(text) for text in reject or ()),
        delay,
        _share("--repeat", repeat),
        _share("--contradict", contradict),
        _share("--never", never),
        _share("--5xx", server_error),
        _share("--cut", cut),
    )
    try:
        asyncio.run(serve(Firm(faults, history=history), host, port))
    except OSError as error:
        raise Failure(
            f"{host}:{port}: {error.strerror or error}; name another --host or --port"
        ) from None
