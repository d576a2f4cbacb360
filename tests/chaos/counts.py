"""What is counted after a run."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Measured:
    """What was counted; nothing may be `lost`, `doubled`, `unanswered` or `wrong`."""

    inputs: int = 0
    orders: int = 0
    executed: int = 0
    emitted: Counter[str] = field(default_factory=Counter)
    # Journals that the clearing firm answered, in whatever way, and those that it never answers.
    journals_answered: int = 0
    journals_never: int = 0
    # Answers that came more than once, as they may.
    answers_repeated: int = 0
    windows: int = 0
    nets: int = 0
    wires: int = 0
    fundings: int = 0
    files: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def once(self, what: str, count: int) -> None:
        """Note what must be there exactly once."""
        if not count:
            self.lost.append(what)
        elif count > 1:
            self.doubled.append(f"{what}, {count} times")
