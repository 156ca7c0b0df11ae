// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The eBPF programs of `dpvs-realip`. They use headers of the kernel's stable interface only, so one object serves
// every kernel and both processors; scripts/build-bpf compiles it.
//
//     sockops      a connection is accepted: its TOA is kept with the socket          connections.h
//     tc ingress   a datagram comes in: its UOA is kept, and taken away               packets.h, flows.h
//     cgroup/...   a program asks or answers: addresses are translated                calls.h
//     getsockopt   a program asks as toa.ko and uoa.ko are asked                      questions.h
#include "questions.h"
#include "packets.h"

char terms[] SEC("license") = "Dual BSD/GPL";
