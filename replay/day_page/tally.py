"""How many, and how much."""

from dataclasses import dataclass

from schemas.money import Cents


@dataclass(slots=True)
class Tally:
    """A count and a sum in cents."""

    count: int = 0
    cents: Cents = 0

    def add(self, cents: Cents) -> None:
        """Add one."""
        self.count += 1
        self.cents += cents

    def remove(self, cents: Cents) -> None:
        """Take one away."""
        self.count -= 1
        self.cents -= cents
