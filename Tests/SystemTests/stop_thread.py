#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# usage: stop_thread.py PID NAME
#
# Holds the thread called NAME of a process, as a debugger does, until this program ends: what a
# worker looks like whose CPU is taken away.
import ctypes, os, sys, time

PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

threads = f"/proc/{sys.argv[1]}/task"
for thread in os.listdir(threads):
    if open(f"{threads}/{thread}/comm").read().strip() != sys.argv[2]:
        continue
    for request in PTRACE_SEIZE, PTRACE_INTERRUPT:
        if libc.ptrace(request, int(thread), None, None) != 0:
            sys.exit(f"ptrace: {os.strerror(ctypes.get_errno())}")
    # The kernel lets it go when its tracer ends.
    while True:
        time.sleep(60)
sys.exit(f"process {sys.argv[1]} has no thread {sys.argv[2]}")
