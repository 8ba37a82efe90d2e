"""What a process may use at most that loads a model nobody here vouches for: the kernel holds it to that."""

import os
import sys

from pydantic import BaseModel

NICE = 10  # predictions come first
GRACE_SECONDS = 5  # of the processor's time, after the signal that says that it is over


class Limits(BaseModel):
    """The limits of one process."""

    memory_bytes: int  # of address space: what is mapped counts, used or not
    processor_seconds: int
    file_bytes: int  # of each file that it writes


def apply(limits: Limits | None) -> None:
    """Hold this process, and what it starts, to the limits; nothing that loads a model ever leaves a core file."""
    import resource

    wanted = {resource.RLIMIT_CORE: (0, 0)}
    if limits is not None:
        os.nice(NICE)
        seconds = limits.processor_seconds  # at the second number a process is killed without a word of why
        wanted[resource.RLIMIT_CPU] = seconds, seconds + GRACE_SECONDS
        wanted[resource.RLIMIT_FSIZE] = limits.file_bytes, limits.file_bytes
        if sys.platform == "linux":  # elsewhere the kernel doesn't count it
            wanted[resource.RLIMIT_AS] = limits.memory_bytes, limits.memory_bytes
    for kind, most in wanted.items():
        _, hard = resource.getrlimit(kind)
        soft, upper = most if hard == resource.RLIM_INFINITY else (min(one, hard) for one in most)
        resource.setrlimit(kind, (soft, upper))
