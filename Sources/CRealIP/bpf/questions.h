// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What programs that were written for toa.ko and uoa.ko ask by getsockopt(2).
#ifndef REALIP_QUESTIONS_H
#define REALIP_QUESTIONS_H

#include "calls.h"

enum { TOA_LOOKUP = 4096, UOA_LOOKUP = 2048 };

typedef struct CRealIP_toa_answer toa_answer_t;
typedef struct CRealIP_uoa_question uoa_question_t;

static __always_inline int answer_toa(struct bpf_sockopt *context, struct bpf_sock *socket) {
    toa_answer_t *answer = context->optval;
    if ((void *)(answer + 1) > context->optval_end) return 1;
    endpoint_t *client = bpf_sk_storage_get(&clients, socket, NULL, 0);
    if (!client || is_ipv4(&client->address)) return 1;
    answer->address = client->address;
    answer->port = client->port;
    answer->padding = 0;
    CONTEXT_WRITE(context, optlen, sizeof *answer);
    CONTEXT_WRITE(context, retval, 0);
    count(CRealIP_toa_answered);
    return 1;
}

/// Reads what the caller of getsockopt(2) asked; 0 when that cannot be told.
///
/// The hook does not see it: the kernel clears its buffer after the error that its own handler returned for an
/// option it does not know. But the program runs within the caller's system call, whose registers say where the
/// caller's buffer is. Needs CAP_PERFMON and Linux 5.15.
static __always_inline int read_question(uoa_question_t *question) {
    struct task_struct *task = (void *)bpf_get_current_task_btf();
    if (!task) return 0;
    char *registers = (char *)bpf_task_pt_regs(task);
    __u32 number = 0;
    __u64 argument = 0;
    if (bpf_probe_read_kernel(&number, sizeof number, registers + settings.call_offset)) return 0;
    if (number != settings.call_number) return 0;
    if (bpf_probe_read_kernel(&argument, sizeof argument, registers + settings.argument_offset)) return 0;
    if (bpf_probe_read_user(question, sizeof *question, (void *)argument)) return 0;
    return question->family == AF_INET || question->family == AF_INET6;
}

/// Makes a question of the flow that the socket last received from; 0 when there is none.
static __always_inline int assume_question(struct bpf_sock *socket, uoa_question_t *question) {
    flow_key_t *last = bpf_sk_storage_get(&last_flows, socket, NULL, 0);
    if (!last) return 0;
    address_t source = last->remote.address, destination = last->local;
    question->family = is_ipv4(&source) ? AF_INET : AF_INET6;
    if (is_ipv4(&source)) {
        question->source.words[0] = source.words[3];
        question->destination.words[0] = destination.words[3];
    } else {
        question->source = source;
        question->destination = destination;
    }
    question->source_port = last->remote.port;
    question->destination_port = last->local_port;
    return 1;
}

static __always_inline address_t address_in(const uoa_question_t *question, const address_t *address) {
    __u32 first = address->words[0];
    if (question->family != AF_INET) return *address;
    return first ? mapped(first) : (address_t){};
}

static __always_inline int answer_uoa(struct bpf_sockopt *context, struct bpf_sock *socket, int is_exact) {
    uoa_question_t question = {};
    if ((void *)((uoa_question_t *)context->optval + 1) > context->optval_end) return 1;
    if (is_exact ? !read_question(&question) : !assume_question(socket, &question)) return 1;
    address_t source = question.source, destination = question.destination;
    source = address_in(&question, &source);
    destination = address_in(&question, &destination);
    flow_key_t key = {.remote = {.address = source, .port = question.source_port},
                      .local_port = question.destination_port};
    endpoint_t client = {};
    flow_t *flow = recall(&flows_in, &key, &destination, 0);
    if (flow) {
        client = flow->other;
    } else {
        // Asked with what recvfrom(2) said, which is the client already.
        if (!recall(&flows_out, &key, &destination, 1)) {
            count(CRealIP_uoa_unknown);
            return 1;
        }
        client = key.remote;
    }
    // What was asked is not known: most likely with what recvfrom(2) said.
    if (!is_exact && settings.rewrites_datagrams && is_ipv4(&client.address) == is_ipv4(&source)) {
        question.source = client.address;
        if (is_ipv4(&source)) question.source = (address_t){.words = {client.address.words[3]}};
        question.source_port = client.port;
    }
    question.real_port = client.port;
    if (is_ipv4(&client.address)) {
        question.real_family = AF_INET;
        question.real_address = (address_t){.words = {client.address.words[3]}};
    } else {
        question.real_family = AF_INET6;
        question.real_address = client.address;
    }
    uoa_question_t *answer = context->optval;
    if ((void *)(answer + 1) > context->optval_end) return 1;
    *answer = question;
    CONTEXT_WRITE(context, optlen, sizeof *answer);
    CONTEXT_WRITE(context, retval, 0);
    count(CRealIP_uoa_answered);
    return 1;
}

static __always_inline int answer_question(struct bpf_sockopt *context, int is_exact) {
    if (context->level != IPPROTO_IP) return 1;
    struct bpf_sock *socket = context->sk;
    if (!socket) return 1;
    if (context->optname == TOA_LOOKUP) return answer_toa(context, socket);
    if (context->optname == UOA_LOOKUP) return answer_uoa(context, socket, is_exact);
    return 1;
}

/// Answers exactly what was asked.
SEC("cgroup/getsockopt")
int realip_question(struct bpf_sockopt *context) { return answer_question(context, 1); }

/// With fewer rights or an older kernel: answers for the datagram that the socket received last.
SEC("cgroup/getsockopt")
int realip_question_last(struct bpf_sockopt *context) { return answer_question(context, 0); }

#endif
