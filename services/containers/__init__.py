"""Container images of exported endpoints: built by BentoML with docker, podman or buildah, and how they are run."""
