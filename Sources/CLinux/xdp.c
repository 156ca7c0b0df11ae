// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinuxInterfaces.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(enum bpf_cmd command, union bpf_attr *attributes) {
    return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

/// Closes `descriptor`, keeps the errno of the call before, and returns `result`.
static int close_with(int descriptor, int result) {
    int code = errno;
    close(descriptor);
    errno = code;
    return result;
}

// MARK: - Programs

/// Loads a program that lets every frame pass; its descriptor, or -1.
static int load_program(void) {
    // r0 = XDP_PASS; exit
    const struct bpf_insn instructions[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.prog_type = BPF_PROG_TYPE_XDP;
    attributes.insns = (uint64_t)(uintptr_t)instructions;
    attributes.insn_cnt = sizeof instructions / sizeof instructions[0];
    attributes.license = (uint64_t)(uintptr_t) "Apache-2.0";
    strcpy(attributes.prog_name, "dpvs_probe");
    return bpf(BPF_PROG_LOAD, &attributes);
}

static int open_program(uint32_t program) {
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.prog_id = program;
    return bpf(BPF_PROG_GET_FD_BY_ID, &attributes);
}

int CLinux_program_name(uint32_t program, char name[CLinux_name_capacity]) {
    int descriptor = open_program(program);
    if (descriptor < 0) return -1;
    struct bpf_prog_info info;
    memset(&info, 0, sizeof info);
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.info.bpf_fd = (uint32_t)descriptor;
    attributes.info.info_len = sizeof info;
    attributes.info.info = (uint64_t)(uintptr_t)&info;
    int result = bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes);
    if (result == 0) {
        memset(name, 0, CLinux_name_capacity);
        memcpy(name, info.name, sizeof info.name);
    }
    return close_with(descriptor, result);
}

/// RTM_SETLINK with the nest IFLA_XDP: file -1 takes off what `expected` is.
struct attachment {
    struct nlmsghdr header;
    struct ifinfomsg message;
    struct nlattr xdp;
    struct nlattr file_attribute;
    int32_t file;
    struct nlattr flags_attribute;
    uint32_t flags;
    struct nlattr expected_attribute;
    int32_t expected;
};

/// Copies the kernel's sentence out of an answer of `length` octets, if there is one.
static void copy_sentence(const struct nlmsghdr *answer, ssize_t length, char *message,
                          size_t capacity) {
    if (!(answer->nlmsg_flags & NLM_F_ACK_TLVS)) return;
    const struct nlmsgerr *error = NLMSG_DATA(answer);
    size_t place = NLMSG_LENGTH(sizeof *error);
    if (!(answer->nlmsg_flags & NLM_F_CAPPED))
        place += NLMSG_ALIGN(error->msg.nlmsg_len - sizeof error->msg);
    while (place + sizeof(struct nlattr) <= (size_t)length) {
        const struct nlattr *attribute = (const void *)((const uint8_t *)answer + place);
        if (attribute->nla_len < sizeof *attribute || place + attribute->nla_len > (size_t)length)
            return;
        size_t size = attribute->nla_len - sizeof *attribute;
        if (attribute->nla_type == NLMSGERR_ATTR_MSG && size > 0) {
            if (size > capacity) size = capacity;
            memcpy(message, attribute + 1, size);
            message[size - 1] = 0;
            return;
        }
        place += NLMSG_ALIGN(attribute->nla_len);
    }
}

/// Carries the request out; 0, or -1 with `errno` set and the kernel's sentence, if it has one.
static int attach(struct attachment *request, char *message, size_t capacity) {
    int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (descriptor < 0) return -1;
    int yes = 1;
    setsockopt(descriptor, SOL_NETLINK, NETLINK_EXT_ACK, &yes, sizeof yes);
    _Alignas(struct nlmsghdr) uint8_t buffer[4096];
    ssize_t received = -1;
    size_t length = request->header.nlmsg_len;
    if (send(descriptor, request, length, 0) == (ssize_t)length)
        received = recv(descriptor, buffer, sizeof buffer, 0);
    if (received < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr))) return close_with(descriptor, -1);
    const struct nlmsghdr *answer = (const void *)buffer;
    const struct nlmsgerr *error = NLMSG_DATA(answer);
    if (error->error != 0 && capacity > 0) copy_sentence(answer, received, message, capacity);
    errno = -error->error;
    return close_with(descriptor, error->error == 0 ? 0 : -1);
}

static struct attachment make_request(uint32_t index, int file, uint32_t flags) {
    return (struct attachment){
        .header = {.nlmsg_len = sizeof(struct attachment), .nlmsg_type = RTM_SETLINK,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
        .message = {.ifi_index = (int)index},
        .xdp = {.nla_len = sizeof(struct attachment) - offsetof(struct attachment, xdp),
                .nla_type = IFLA_XDP | NLA_F_NESTED},
        .file_attribute = {.nla_len = 8, .nla_type = IFLA_XDP_FD},
        .file = file,
        .flags_attribute = {.nla_len = 8, .nla_type = IFLA_XDP_FLAGS},
        .flags = flags,
        .expected_attribute = {.nla_len = 8, .nla_type = IFLA_XDP_EXPECTED_FD},
    };
}

/// Takes the program behind `expected` off the interface, if it is still that one.
static int detach(uint32_t index, int expected) {
    struct attachment request = make_request(index, -1, XDP_FLAGS_REPLACE);
    request.expected = expected;
    return attach(&request, NULL, 0);
}

int CLinux_detach_program(uint32_t index, uint32_t program) {
    int expected = open_program(program);
    if (expected < 0) return -1;
    return close_with(expected, detach(index, expected));
}

int CLinux_try_attaching(uint32_t index, char *message, size_t capacity) {
    if (capacity > 0) message[0] = 0;
    int program = load_program();
    if (program < 0) return -1;
    struct attachment request =
        make_request(index, program, XDP_FLAGS_UPDATE_IF_NOEXIST | XDP_FLAGS_DRV_MODE);
    // Without the last attribute: nothing is expected to be there.
    request.header.nlmsg_len -= 8;
    request.xdp.nla_len -= 8;
    int result = attach(&request, message, capacity);
    if (result == 0) result = detach(index, program);
    return close_with(program, result);
}

// MARK: - Sockets

enum { frame_size = 4096, frame_count = 16 };

/// Gives the socket memory and rings, and binds it; 0, or the step that failed.
static int bind_socket(int descriptor, void *memory, uint32_t index, uint32_t queue) {
    struct xdp_umem_reg region = {
        .addr = (uint64_t)(uintptr_t)memory, .len = frame_size * frame_count,
        .chunk_size = frame_size};
    if (setsockopt(descriptor, SOL_XDP, XDP_UMEM_REG, &region, sizeof region) != 0)
        return CLinux_xdp_memory;
    int entries = frame_count;
    const int rings[] = {XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING, XDP_TX_RING};
    for (size_t i = 0; i < sizeof rings / sizeof rings[0]; i++)
        if (setsockopt(descriptor, SOL_XDP, rings[i], &entries, sizeof entries) != 0)
            return CLinux_xdp_memory;
    struct sockaddr_xdp address = {
        .sxdp_family = AF_XDP, .sxdp_flags = XDP_COPY, .sxdp_ifindex = index,
        .sxdp_queue_id = queue};
    int bound = bind(descriptor, (struct sockaddr *)&address, sizeof address);
    return bound == 0 ? 0 : CLinux_xdp_bind;
}

int CLinux_try_xdp(uint32_t index, uint32_t queue) {
    int program = load_program();
    if (program < 0) return CLinux_xdp_program;
    close(program);
    int descriptor = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return CLinux_xdp_socket;
    void *memory = mmap(NULL, frame_size * frame_count, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return close_with(descriptor, CLinux_xdp_memory);
    int step = bind_socket(descriptor, memory, index, queue);
    close_with(descriptor, step);
    int code = errno;
    munmap(memory, frame_size * frame_count);
    errno = code;
    return step;
}
