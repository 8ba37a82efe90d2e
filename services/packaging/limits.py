"""What a process may use at most that loads a model nobody here vouches for: the kernel holds it to that."""

import os
import sys

from pydantic import BaseModel

NICE = 10  # predictions come first


class Limits(BaseModel):
    """The limits of one process."""

    memory_bytes: int  # of address space: what is mapped counts, used or not
    processor_seconds: int
    file_bytes: int  # of each file that it writes


def apply(limits: Limits | None) -> None:
    """Hold this process, and what it starts, to the limits; nothing that loads a model ever leaves a core file."""
    import resource

    wanted = {resource.RLIMIT_CORE: 0}
    if limits is not None:
        wanted[resource.RLIMIT_CPU] = limits.processor_seconds
        wanted[resource.RLIMIT_FSIZE] = limits.file_bytes
        os.nice(NICE)
        if sys.platform == "linux":  # elsewhere the kernel doesn't count it
            wanted[resource.RLIMIT_AS] = limits.memory_bytes
    for kind, most in wanted.items():
        _, hard = resource.getrlimit(kind)
        lower = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (lower, lower))
