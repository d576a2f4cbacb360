"""What `settle reports list --client` says of a client that is not there."""

import pytest

from scripts.reports import no_such_client

CODES = [f"C{number:02}" for number in range(53)]


@pytest.mark.parametrize(
    ("known", "there"),
    [
        pytest.param([], "there is none yet", id="none"),
        pytest.param(["ACME"], "there is ACME", id="one"),
        pytest.param(["ACME", "ZETA"], "there are ACME, ZETA", id="two"),
        pytest.param(CODES[:50], f"there are {', '.join(CODES[:50])}", id="as many as are named"),
        pytest.param(CODES, f"there are {', '.join(CODES[:50])} and 3 more", id="more"),
    ],
)
def test_the_clients_that_there_are_are_named(known: list[str], there: str) -> None:
    assert no_such_client("YETI", known) == f"no such client as 'YETI'; {there}"
