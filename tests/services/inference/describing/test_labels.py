"""Names for the classes, as the caller of `export` gives them."""

import pytest
from sklearn.linear_model import LogisticRegression

from registry.errors import ExportError
from services.inference.describing import describe

MODEL = LogisticRegression().fit([[0.0], [1.0], [2.0]], ["a", "b", "c"])


def test_each_class_gets_its_name() -> None:
    [output] = describe("sklearn", MODEL, None, ("x", "y", "z")).signature.outputs
    assert (output.classes, output.names) == (("a", "b", "c"), ("x", "y", "z"))


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("x", "y"), r"`--classes` gives 2 names, the model has 3 classes: \['a', 'b', 'c'\]"),
        (("x", "y", "x"), "`--classes` gives the same name to two classes"),
    ],
)
def test_names_that_do_not_fit_are_refused(names: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ExportError, match=reason):
        describe("sklearn", MODEL, None, names)
