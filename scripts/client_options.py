"""The options of the commands that a client runs: where its files are, and what its columns say."""

from typing import Annotated

import typer

Source = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="DIR_OR_S3",
        help="The client's folder or bucket, or a folder that has it under its code,"
        " such as what settle replay wrote.",
    ),
]
Client = Annotated[str, typer.Option(metavar="CODE", help="Which client, e.g. ALFA.")]
Maps = Annotated[
    list[str] | None,
    typer.Option(
        "--map", metavar="OURS=THEIRS", help="What a column is called in OWN.csv; repeatable."
    ),
]
