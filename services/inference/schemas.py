"""The JSON schemas of an endpoint's request and response, for the OpenAPI document and for BentoML's own route."""

from typing import Any

from pydantic import TypeAdapter

from services.inference.instances import row_type, value_type
from services.inference.predictions import class_key
from services.inference.signature import Output, Scalar, Signature

Schema = dict[str, Any]

IMAGE_SCHEMA: Schema = {
    "type": "object",
    "title": "Image",
    "required": ["file"],
    "additionalProperties": False,
    "properties": {"file": {"type": "string", "format": "binary", "description": "A JPEG, PNG or WebP image."}},
}

_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}


def request_schema(signature: Signature) -> Schema:
    """One row object, `{"instances": [row, ...]}`, or `{"features": [...]}` where every column is one number."""
    row: Schema = {**TypeAdapter(row_type(signature)).json_schema(), "title": "Row"}
    if signature.image is not None:  # its numbers would be the longest part of the document
        return {"anyOf": [row, _envelope({"instances": {"type": "array", "minItems": 1, "items": row}}, "Instances")]}
    row["examples"] = [signature.example]
    listed: Schema = {"anyOf": [row, _positional(signature)]}
    instances = _envelope({"instances": {"type": "array", "minItems": 1, "items": listed}}, "Instances")
    forms = [row, {**instances, "examples": [{"instances": [signature.example]}]}]
    if signature.numeric:
        values = list(signature.example.values())
        example = {"features": values[0] if signature.inputs[0].shape else values}
        forms.append({**_envelope({"features": _positional(signature)}, "Features"), "examples": [example]})
    return {"anyOf": forms}


def response_schema(signature: Signature) -> Schema:
    """The predictions, which model made them, and the request's id."""
    model = _object({"name": {"type": "string"}, "version": {"type": "string"}}, "Model")
    predictions = {"type": "array", "items": prediction_schema(signature)}
    return _object({"predictions": predictions, "model": model, "request_id": {"type": "string"}}, "Predictions")


def prediction_schema(signature: Signature) -> Schema:
    """One prediction: a label with probabilities, a number, or one of these per output."""
    outputs = [_output_schema(signature, output) for output in signature.outputs]
    if len(outputs) == 1:
        return outputs[0]
    names = [output.name for output in signature.outputs]
    if all(name is not None for name in names):
        return _object({str(name): schema for name, schema in zip(names, outputs, strict=True)}, "Outputs")
    return {"type": "array", "prefixItems": outputs, "minItems": len(outputs), "maxItems": len(outputs)}


def _output_schema(signature: Signature, output: Output) -> Schema:
    if output.labels is not None:
        properties: Schema = {"label": {"enum": list(output.labels), **_type(output.labels)}}
        if output.probabilities:
            chance = {"type": "number", "minimum": 0, "maximum": 1}
            properties["probabilities"] = _object(
                {class_key(label): chance for label in output.labels}, "Probabilities"
            )
        return _object(properties, "Prediction")
    if signature.task in ("clustering", "outlier_detection"):
        return _object({"label": {"type": "integer"}}, "Prediction")
    schema: Schema = {"type": "number"}
    for size in reversed(output.shape):
        schema = {"type": "array", "items": schema, **({} if size is None else {"minItems": size, "maxItems": size})}
    return schema


def _type(labels: tuple[Scalar, ...]) -> Schema:
    kinds = {_TYPES[type(label)] for label in labels}
    return {"type": kinds.pop()} if len(kinds) == 1 else {}


def _positional(signature: Signature) -> Schema:
    if len(signature.inputs) == 1 and signature.inputs[0].shape:
        return TypeAdapter(value_type(signature.inputs[0])).json_schema()
    items = [TypeAdapter(value_type(field)).json_schema() for field in signature.inputs]
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


def _envelope(properties: Schema, title: str) -> Schema:
    return {**_object(properties, title), "additionalProperties": False}


def _object(properties: Schema, title: str) -> Schema:
    return {"type": "object", "title": title, "properties": properties, "required": list(properties)}
