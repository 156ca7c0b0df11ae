// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CDPDK.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_version.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static CDPDK_log_writer log_writer;

static ssize_t write_log(void *cookie, const char *text, size_t length) {
    (void)cookie;
    if (log_writer) log_writer(text, length);
    return (ssize_t)length;
}

// What libbpf and libxdp call for each line. Warnings are of level 0; 1 tells how they go about things.
typedef int (*library_printer)(int level, const char *format, va_list arguments);

static int write_library_line(int level, const char *format, va_list arguments) {
    if (level > 0 || !log_writer) return 0;
    char line[1024];
    int length = vsnprintf(line, sizeof line, format, arguments);
    if (length <= 0) return length;
    if ((size_t)length >= sizeof line) length = sizeof line - 1;
    log_writer(line, (size_t)length);
    return length;
}

// The driver net_af_xdp brings these libraries with it. They write to standard error unless they are told
// otherwise; where they are not installed, nothing is written either.
static void capture_library(const char *name, const char *setter) {
    void *library = dlopen(name, RTLD_NOW);
    if (!library) return;
    library_printer (*set_print)(library_printer) =
        (library_printer(*)(library_printer))dlsym(library, setter);
    if (set_print) set_print(write_library_line);
}

int CDPDK_capture_log(CDPDK_log_writer writer) {
    log_writer = writer;
    capture_library("libbpf.so.1", "libbpf_set_print");
    capture_library("libxdp.so.1", "libxdp_set_print");
    cookie_io_functions_t functions = {.write = write_log};
    FILE *stream = fopencookie(NULL, "w", functions);
    if (!stream) return -ENOMEM;
    setvbuf(stream, NULL, _IOLBF, 0);
    return rte_openlog_stream(stream);
}

int CDPDK_start(int argc, char **argv) {
    // About an argument that it does not take, EAL prints a page of help to standard output.
    fflush(stdout);
    int standard_output = dup(STDOUT_FILENO);
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (standard_output >= 0 && nowhere >= 0) dup2(nowhere, STDOUT_FILENO);
    int result = rte_eal_init(argc, argv);
    fflush(stdout);
    if (standard_output >= 0) {
        dup2(standard_output, STDOUT_FILENO);
        close(standard_output);
    }
    if (nowhere >= 0) close(nowhere);
    return result < 0 ? (rte_errno ? -rte_errno : -EINVAL) : 0;
}

void CDPDK_stop(void) { rte_eal_cleanup(); }

const char *CDPDK_version(void) { return rte_version(); }

const char *CDPDK_built_version(void) {
    static char text[64];
    snprintf(text, sizeof text, "DPDK %d.%02d.%d%s", RTE_VER_YEAR, RTE_VER_MONTH, RTE_VER_MINOR,
             RTE_VER_SUFFIX);
    return text;
}

const char *CDPDK_error_text(int error) { return rte_strerror(error < 0 ? -error : error); }

uint64_t CDPDK_cycle_frequency(void) { return rte_get_tsc_hz(); }

int CDPDK_launch(unsigned lcore, int (*function)(void *), void *context) {
    return rte_eal_remote_launch(function, context, lcore);
}

int CDPDK_wait(unsigned lcore) { return rte_eal_wait_lcore(lcore); }

unsigned CDPDK_worker_lcores(unsigned *lcores, unsigned capacity) {
    unsigned lcore, count = 0;
    RTE_LCORE_FOREACH_WORKER(lcore) {
        if (count < capacity) lcores[count] = lcore;
        count++;
    }
    return count;
}

unsigned CDPDK_lcore_socket(unsigned lcore) { return rte_lcore_to_socket_id(lcore); }
