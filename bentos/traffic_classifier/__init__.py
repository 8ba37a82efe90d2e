"""Traffic classification: which kind of application a network flow belongs to."""
