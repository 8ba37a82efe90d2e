"""The control plane: what people do with the platform over HTTP. FastAPI, in the hub alone, one file a noun."""
