"""Small models, trained in the test that exports them."""

import pickle
from pathlib import Path
from typing import Any


def iris(folder: Path, seed: int = 0, name: str = "iris.joblib") -> Path:
    """A forest on the iris flowers, and `rows.csv` beside it."""
    import joblib
    from sklearn.datasets import load_iris
    from sklearn.ensemble import RandomForestClassifier

    data = load_iris(as_frame=True)
    model = RandomForestClassifier(n_estimators=5, random_state=seed).fit(data.data, data.target_names[data.target])
    data.data.iloc[::10].to_csv(folder / "rows.csv", index=False)
    joblib.dump(model, folder / name)
    return folder / name


def constant(folder: Path, value: float, name: str = "constant.joblib") -> Path:
    """A model that answers one number whatever it is asked: no two of them can be taken for each other."""
    import joblib
    import numpy as np
    from sklearn.linear_model import LinearRegression

    model: Any = LinearRegression().fit([[0.0], [1.0]], [0.0, 0.0])
    model.intercept_ = np.float64(value)
    joblib.dump(model, folder / name)
    return folder / name


class At:
    """Stands for the model in a file, but does something else first when one step of the export unpickles it."""

    def __init__(self, step: str, call: str, model: Path) -> None:
        self.step, self.call, self.model = step, call, model

    def __reduce__(self) -> Any:
        call = f"{self.call} if {self.step!r} in __import__('sys').argv else None"
        return eval, (f"[{call}, __import__('joblib').load({str(self.model)!r})][1]",)


def in_step(step: str, call: str, model: Path) -> Path:
    """A model file that makes a call in that step, before it is loaded."""
    path = model.with_name("slow.pkl")
    path.write_bytes(pickle.dumps(At(step, call, model)))
    return path


def slow_at(step: str, folder: Path) -> Path:
    """A model file that is loaded slowly in that step."""
    return in_step(step, "__import__('time').sleep(60)", constant(folder, 1.0))


class AnotherEachTime:
    """Stands for the model in a file, with another intercept at each load."""

    def __init__(self, model: Path) -> None:
        self.model = model

    def __reduce__(self) -> Any:
        load = f"__import__('joblib').load({str(self.model)!r})"
        return eval, (f"[m := {load}, setattr(m, 'intercept_', __import__('random').random())][0]",)
