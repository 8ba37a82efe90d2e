"""Converts a model file for the floor where Modelport's own export left no ONNX graph: `convert.py MODEL GRAPH.onnx`."""

import sys
from pathlib import Path


def main() -> None:
    """Write the graph."""
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    if source.suffix == ".keras":
        import keras

        model = keras.saving.load_model(source)
        model(keras.ops.zeros((1, *model.input_shape[1:])))
        model.export(target, format="onnx", verbose=False)
        return
    import joblib
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    estimator = joblib.load(source)
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        inputs = [("X", FloatTensorType([None, estimator.n_features_in_]))]
    else:
        text = {"plan", "region"}
        inputs = [(name, (StringTensorType if name in text else FloatTensorType)([None, 1])) for name in names]
    target.write_bytes(skl2onnx.to_onnx(estimator, initial_types=inputs, options={"zipmap": False}).SerializeToString())


if __name__ == "__main__":
    main()
