"""From a trained model to predictions: signatures, validated instances, runtimes and the model cache."""
