"""What all events share (contract sections 1 and 3)."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from schemas.instant import Micros, TimeText, micros

ACCOUNT_ID_PATTERN = r"^[A-Z0-9]{8}$"
AccountId = Annotated[str, Field(pattern=ACCOUNT_ID_PATTERN)]
ClientCode = Annotated[str, Field(pattern=r"^[A-Z]{4}$")]
CLIENT_ORDER_ID_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"
ClientOrderId = Annotated[str, Field(pattern=CLIENT_ORDER_ID_PATTERN)]
SYMBOL_PATTERN = r"^[A-Z0-9]{2,20}$"
Symbol = Annotated[str, Field(pattern=SYMBOL_PATTERN)]
PROVIDER_PATTERN = r"^[A-Za-z0-9_.-]{1,32}$"
Provider = Annotated[str, Field(pattern=PROVIDER_PATTERN)]
# The ids whose shape the contract leaves to the producer.
EVENT_ID_LENGTH_MAX = 200
EventId = Annotated[str, Field(min_length=1, max_length=EVENT_ID_LENGTH_MAX)]
FreeId = Annotated[str, Field(min_length=1, max_length=200)]


class Input(BaseModel):
    """An event from outside: a frozen fact. Unknown fields are ignored (section 1)."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    event_id: EventId
    event_time: TimeText

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
