"""The process beside each worker that speaks to the registry for it: writes its request log, looks out for changes.

A thread of the worker's own would do, but for the interpreter's lock: each of its statements takes the lock away from
the thread that answers requests, and wakes another core to do so. That cost a request more than all layers together.

It imports neither SQLAlchemy nor anything else that is slow: it is there in a twentieth of a second and stays small.
"""
