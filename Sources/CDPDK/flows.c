// SPDX-License-Identifier: Apache-2.0
#include "CDPDK.h"

#include <errno.h>
#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_flow.h>
#include <stdio.h>
#include <string.h>

/// A flow as rte_flow wants it; the pointers stay inside.
struct request {
    struct rte_flow_item_ipv4 ipv4, ipv4_mask;
    struct rte_flow_item_ipv6 ipv6, ipv6_mask;
    struct rte_flow_item_tcp tcp, tcp_mask;
    struct rte_flow_item_udp udp, udp_mask;
    struct rte_flow_action_queue queue;
    struct rte_flow_item pattern[4];
    struct rte_flow_action actions[2];
};

_Static_assert(sizeof((struct rte_flow_item_ipv6){0}.hdr.dst_addr) == sizeof((CDPDK_flow){0}.address),
               "an address of IPv6 has 16 octets");

static const struct rte_flow_attr ingress = {.ingress = 1};

static void fill(struct request *request, const CDPDK_flow *flow) {
    *request = (struct request){0};
    request->pattern[0].type = RTE_FLOW_ITEM_TYPE_ETH;
    if (flow->is_ipv6) {
        // An array of octets until DPDK 24.11, a structure around one since.
        memcpy(&request->ipv6.hdr.dst_addr, flow->address, sizeof request->ipv6.hdr.dst_addr);
        memset(&request->ipv6_mask.hdr.dst_addr, 0xFF, sizeof request->ipv6_mask.hdr.dst_addr);
        request->pattern[1] = (struct rte_flow_item){
            .type = RTE_FLOW_ITEM_TYPE_IPV6, .spec = &request->ipv6, .mask = &request->ipv6_mask};
    } else {
        memcpy(&request->ipv4.hdr.dst_addr, flow->address, 4);
        request->ipv4_mask.hdr.dst_addr = UINT32_MAX;
        request->pattern[1] = (struct rte_flow_item){
            .type = RTE_FLOW_ITEM_TYPE_IPV4, .spec = &request->ipv4, .mask = &request->ipv4_mask};
    }
    if (flow->protocol == IPPROTO_TCP) {
        request->tcp.hdr.dst_port = rte_cpu_to_be_16(flow->port);
        request->tcp_mask.hdr.dst_port = rte_cpu_to_be_16(flow->port_mask);
        request->pattern[2] = (struct rte_flow_item){
            .type = RTE_FLOW_ITEM_TYPE_TCP, .spec = &request->tcp, .mask = &request->tcp_mask};
    } else {
        request->udp.hdr.dst_port = rte_cpu_to_be_16(flow->port);
        request->udp_mask.hdr.dst_port = rte_cpu_to_be_16(flow->port_mask);
        request->pattern[2] = (struct rte_flow_item){
            .type = RTE_FLOW_ITEM_TYPE_UDP, .spec = &request->udp, .mask = &request->udp_mask};
    }
    request->pattern[3].type = RTE_FLOW_ITEM_TYPE_END;
    request->queue.index = flow->queue;
    request->actions[0] = (struct rte_flow_action){.type = RTE_FLOW_ACTION_TYPE_QUEUE,
                                                   .conf = &request->queue};
    request->actions[1].type = RTE_FLOW_ACTION_TYPE_END;
}

static void explain(const struct rte_flow_error *error, char *message, size_t capacity) {
    snprintf(message, capacity, "%s", error->message ? error->message : "no reason given");
}

int CDPDK_flow_validate(uint16_t port, const CDPDK_flow *flow, char *message, size_t capacity) {
    struct request request;
    struct rte_flow_error error = {0};
    fill(&request, flow);
    int result = rte_flow_validate(port, &ingress, request.pattern, request.actions, &error);
    if (result < 0) explain(&error, message, capacity);
    return result;
}

CDPDK_flow_rule *CDPDK_flow_add(uint16_t port, const CDPDK_flow *flow, int *error_number,
                                char *message, size_t capacity) {
    struct request request;
    struct rte_flow_error error = {0};
    fill(&request, flow);
    struct rte_flow *rule =
        rte_flow_create(port, &ingress, request.pattern, request.actions, &error);
    *error_number = rule ? 0 : -EINVAL;
    if (!rule) explain(&error, message, capacity);
    return (CDPDK_flow_rule *)rule;
}

int CDPDK_flow_remove(uint16_t port, CDPDK_flow_rule *rule) {
    struct rte_flow_error error = {0};
    return rte_flow_destroy(port, (struct rte_flow *)rule, &error);
}
