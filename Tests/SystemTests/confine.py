# SPDX-License-Identifier: Apache-2.0
"""usage: confine.py PROFILE COMMAND...

Runs COMMAND under a seccomp profile in the form that container engines read, through libseccomp.
"""
import ctypes
import json
import os
import sys

ACTIONS = {"SCMP_ACT_ALLOW": 0x7FFF0000, "SCMP_ACT_ERRNO": 0x00050000}
OPERATORS = {"SCMP_CMP_NE": 1, "SCMP_CMP_EQ": 4, "SCMP_CMP_MASKED_EQ": 7}


class Comparison(ctypes.Structure):
    """struct scmp_arg_cmp"""

    _fields_ = [
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    ]


def action(name, code):
    return ACTIONS[name] | (code or 0)


def main():
    with open(sys.argv[1]) as file:
        profile = json.load(file)
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    default = action(profile["defaultAction"], profile.get("defaultErrnoRet", 1))
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(default)))
    for rule in profile["syscalls"]:
        result = action(rule["action"], rule.get("errnoRet"))
        arguments = rule.get("args", [])
        comparisons = (Comparison * max(1, len(arguments)))(
            *(
                Comparison(a["index"], OPERATORS[a["op"]], a["value"], a.get("valueTwo", 0))
                for a in arguments
            )
        )
        for name in rule["names"]:
            number = seccomp.seccomp_syscall_resolve_name(name.encode())
            if number < 0:
                continue  # not of this machine
            code = seccomp.seccomp_rule_add_array(
                context, ctypes.c_uint32(result), number, len(arguments), comparisons
            )
            if code != 0:
                sys.exit(f"{name}: {os.strerror(-code)}")
    if seccomp.seccomp_load(context) != 0:
        sys.exit("the profile cannot be loaded")
    os.execvp(sys.argv[2], sys.argv[2:])


main()
