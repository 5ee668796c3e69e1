"""What the C library is asked to do with freed memory."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# 80 MB at a time: by default each is a mapping of its own, given back when it is freed, and its pages are taken anew
FAULTS = """
import ctypes, resource, sys
from vae_core.memory import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
c = ctypes.CDLL(None)
c.malloc.restype, c.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
c.memset.argtypes, c.free.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t], [ctypes.c_void_p]
for time in range(6):
    if time == 2:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    memory = c.malloc(80_000_000)
    c.memset(memory, 1, 80_000_000)
    c.free(memory)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left alone")
def test_freed_memory_is_kept_for_what_comes_next():
    """Page faults of four allocations, each made once the last was freed."""
    faults = {
        how: int(subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True).stdout)
        for how in ("keep", "give back")
    }  # fmt: skip
    assert faults["keep"] < 1000 < faults["give back"]
