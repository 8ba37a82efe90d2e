"""Models that come over HTTP: received onto the disk, looked through and loaded in a child process, and only then kept."""
