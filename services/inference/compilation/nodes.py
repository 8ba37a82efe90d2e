"""Writes nodes into the graph that skl2onnx is putting together; what our own converters are written with."""

from typing import Any

import numpy as np

TREES = "TreeEnsemble"

_DTYPES = {
    "FloatTensorType": "float32",
    "DoubleTensorType": "float64",
    "Int64TensorType": "int64",
    "StringTensorType": "string",
}


class Nodes:
    """The nodes of one estimator: `x` is its input, `operator` says what its outputs are called."""

    def __init__(self, scope: Any, operator: Any, container: Any) -> None:
        self._scope, self._container = scope, container
        self.x = self._whole([put.full_name for put in operator.inputs])
        self.outputs: list[str] = [output.full_name for output in operator.outputs]
        self.dtype = _DTYPES.get(type(operator.inputs[0].type).__name__, "")

    def _whole(self, names: list[str]) -> str:
        return names[0] if len(names) == 1 else self.add("Concat", *names, axis=1)

    def add(self, kind: str, *inputs: str, output: str | None = None, domain: str = "", **attributes: Any) -> str:
        """One node; the name of its output."""
        name = output or self._scope.get_unique_variable_name(kind)
        version = 3 if kind == TREES else None  # as high as skl2onnx goes; `finish` makes it 5
        self._container.add_node(
            kind,
            list(inputs),
            name,
            op_domain=domain,
            op_version=version,
            name=self._scope.get_unique_operator_name(kind),
            **attributes,
        )
        return name

    def trees(self, row: str, attributes: dict[str, Any]) -> str:
        """A TreeEnsemble; the name of its output (rows, targets)."""
        return self.add(TREES, row, domain="ai.onnx.ml", **attributes)

    def label(self, model: Any, best: str) -> None:
        """The labels, as the first output, from the positions of the classes."""
        from skl2onnx.common.utils_classifier import get_label_classes

        classes = self.constant(self.plain(np.asarray(get_label_classes(self._scope, model))))
        self.add("Gather", classes, best, output=self.outputs[0], axis=0)

    @staticmethod
    def plain(classes: Any) -> Any:
        """Classes as an ONNX tensor holds them: text, or whole numbers."""
        if classes.dtype.kind in "UO" and all(isinstance(value, str) for value in classes.tolist()):
            return classes
        whole = classes.astype("int64")
        if (whole != classes).any():
            raise ValueError("classes that are no whole numbers")
        return whole

    def constant(self, values: Any) -> str:
        """The name of a constant."""
        from onnx.helper import np_dtype_to_tensor_dtype

        values = np.asarray(values)
        name: str = self._scope.get_unique_variable_name("constant")
        kind = 8 if values.dtype.kind in "UO" else np_dtype_to_tensor_dtype(values.dtype)
        flat = [str(value).encode() for value in values.ravel()] if kind == 8 else values.ravel()
        self._container.add_initializer(name, kind, list(values.shape), flat)
        return name

    def cast(self, name: str, dtype: str) -> str:
        """The values in another type."""
        from onnx.helper import np_dtype_to_tensor_dtype

        return self.add("Cast", name, to=int(np_dtype_to_tensor_dtype(np.dtype(dtype))))

    def x_as(self, dtype: str) -> str:
        """The input in a type, cast where it isn't."""
        return self.x if self.dtype == dtype else self.cast(self.x, dtype)


def finish(model: Any) -> None:
    """What skl2onnx can't be asked for: the operator set that has `TreeEnsemble`, and a locale that containers have."""
    from onnx.helper import make_attribute

    for node in model.graph.node:
        if node.op_type == TREES:
            next(opset for opset in model.opset_import if opset.domain == "ai.onnx.ml").version = 5
        if node.op_type == "StringNormalizer":
            others = [attribute for attribute in node.attribute if attribute.name != "locale"]
            del node.attribute[:]
            node.attribute.extend([*others, make_attribute("locale", "C.UTF-8")])
