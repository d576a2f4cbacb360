"""What all events share (contract sections 1 and 3)."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from schemas.instant import InputTimeText, Micros, TimeText, micros

# Limits of a record on an input topic (contract section 1): bytes of its value and its key, and
# levels of nesting, of which the outermost object is the first.
VALUE_BYTES_MAX = 65_536
KEY_BYTES_MAX = 256
LEVELS_MAX = 32

ACCOUNT_ID_PATTERN = r"^[A-Z0-9]{8}$"
AccountId = Annotated[str, Field(pattern=ACCOUNT_ID_PATTERN)]
ClientCode = Annotated[str, Field(pattern=r"^[A-Z]{4}$")]
CLIENT_ORDER_ID_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"
ClientOrderId = Annotated[str, Field(pattern=CLIENT_ORDER_ID_PATTERN)]
SYMBOL_PATTERN = r"^[A-Z0-9]{2,20}$"
Symbol = Annotated[str, Field(pattern=SYMBOL_PATTERN)]
PROVIDER_PATTERN = r"^[A-Za-z0-9_.-]{1,32}$"
Provider = Annotated[str, Field(pattern=PROVIDER_PATTERN)]
# IDs whose shape the contract leaves to the producer, and text for a person, in code points.
ID_LENGTH_MAX = 200
FreeId = Annotated[str, Field(min_length=1, max_length=ID_LENGTH_MAX)]
FREE_TEXT_LENGTH_MAX = 140
FreeText = Annotated[str, Field(max_length=FREE_TEXT_LENGTH_MAX)]


class Input(BaseModel):
    """An event from outside: a frozen fact. Unknown fields are ignored (section 1)."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    event_id: FreeId
    event_time: InputTimeText

    @property
    def own_time(self) -> Micros:
        """Return `event_time` in microseconds since 1970: the time e of contract section 4.

        Raises:
            ValueError: there is no such day or hour.
        """
        return micros(self.event_time)


class Emitted(TypedDict):
    """What every event that we emit carries. `event_id`: settlement/cause.py."""

    event_id: str
    event_time: TimeText
    cause_id: str


class AccountEmitted(Emitted):
    """An account's event; both fields are null where the account is unknown."""

    account_id: str | None
    client: str | None
