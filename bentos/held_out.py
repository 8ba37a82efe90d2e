"""What the classifiers of the examples say of themselves after training: right and wrong on examples held out from it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Report:
    """How a classifier did; `confusion` has shape (classes, classes): rows are true, columns predicted."""

    classes: tuple[str, ...]
    confusion: npt.NDArray[np.int64]
    trained: int  # examples that it learnt from
    examples: str  # what they are, in the plural

    @property
    def held_out(self) -> int:
        """How many examples it was asked about."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """The share that it named rightly."""
        return float(self.confusion.trace() / self.confusion.sum())

    @property
    def precision(self) -> tuple[float, ...]:
        """Of the examples given a class, the share that belongs to it; 0 for a class never given."""
        return tuple(float(share) for share in self.confusion.diagonal() / np.maximum(self.confusion.sum(axis=0), 1))

    @property
    def recall(self) -> tuple[float, ...]:
        """Of the examples of a class, the share that was found."""
        return tuple(float(share) for share in self.confusion.diagonal() / np.maximum(self.confusion.sum(axis=1), 1))

    @property
    def headline(self) -> str:
        """All of it in one line."""
        return f"accuracy {self.accuracy:.3f} on {self.held_out} held-out {self.examples}"

    def __str__(self) -> str:
        width = max(9, *(len(name) for name in self.classes))
        table = [["true \\ predicted", *self.classes, "precision", "recall"]]
        for row in zip(self.classes, self.confusion, self.precision, self.recall, strict=True):
            name, counts, precision, recall = row
            table.append([name, *(str(count) for count in counts), f"{precision:.3f}", f"{recall:.3f}"])
        lines = [
            "  ".join([first.ljust(max(16, width)), *(cell.rjust(width) for cell in rest)]) for first, *rest in table
        ]
        return "\n".join([self.headline, "", *lines])
