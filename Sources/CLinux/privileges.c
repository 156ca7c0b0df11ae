// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinux.h"

#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Capabilities belong to threads, and only a thread changes its own: each is asked by a signal.
// SIGSYS, because threads of libdispatch leave the signals of faults alone and block all others.
enum { question = SIGSYS, most_threads = 4096, most_rounds = 16 };

static uint64_t wanted;
static atomic_int answers;
static atomic_int failure;

static int limit_this_thread(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) != 0) return errno;
    for (int half = 0; half < 2; half++) {
        uint32_t mask = (uint32_t)(wanted >> (32 * half));
        data[half].permitted &= mask;
        data[half].effective = data[half].permitted;
        data[half].inheritable = 0;
    }
    if (syscall(SYS_capset, &header, data) != 0) return errno;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno;
}

static void answer(int signal) {
    (void)signal;
    int saved = errno;
    int code = limit_this_thread();
    if (code != 0) atomic_store(&failure, code);
    atomic_fetch_add(&answers, 1);
    errno = saved;
}

// Asks one thread and waits for it; 0, or an error. A thread that has ended needs no answer.
static int ask(pid_t thread) {
    int before = atomic_load(&answers);
    if (syscall(SYS_tgkill, getpid(), thread, question) != 0) return errno == ESRCH ? 0 : errno;
    for (int wait = 0; wait < 2000; wait++) {
        if (atomic_load(&answers) != before) return 0;
        struct timespec moment = {.tv_nsec = 500000};
        nanosleep(&moment, NULL);
        if (syscall(SYS_tgkill, getpid(), thread, 0) != 0) return 0;
    }
    return ETIMEDOUT;
}

static int is_among(const pid_t *threads, int count, pid_t thread) {
    for (int index = 0; index < count; index++)
        if (threads[index] == thread) return 1;
    return 0;
}

// Asks every thread that has not been asked; how many, or -1 with the failure stored.
static int ask_new_threads(pid_t *asked, int *count) {
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL) {
        atomic_store(&failure, errno);
        return -1;
    }
    int found = 0;
    struct dirent *entry;
    while ((entry = readdir(tasks)) != NULL && *count < most_threads) {
        pid_t thread = (pid_t)atoi(entry->d_name);
        if (thread <= 0 || is_among(asked, *count, thread)) continue;
        asked[(*count)++] = thread;
        found++;
        int code = thread == gettid() ? limit_this_thread() : ask(thread);
        if (code != 0) atomic_store(&failure, code);
    }
    closedir(tasks);
    return found;
}

int CLinux_limit_privileges(uint64_t kept) {
    wanted = kept;
    atomic_store(&failure, 0);
    struct sigaction action = {.sa_handler = answer, .sa_flags = SA_RESTART}, before;
    if (sigaction(question, &action, &before) != 0) return -1;
    pid_t *asked = malloc(most_threads * sizeof *asked);
    int count = 0;
    // Until a round finds nobody new: an asked thread's children inherit what it has left.
    for (int round = 0; asked != NULL && round < most_rounds; round++)
        if (ask_new_threads(asked, &count) <= 0) break;
    if (asked == NULL) atomic_store(&failure, ENOMEM);
    free(asked);
    errno = atomic_load(&failure);
    // A thread that is late must still find the answer: the signal's default ends the process.
    if (errno != ETIMEDOUT) sigaction(question, &before, NULL);
    errno = atomic_load(&failure);
    return errno == 0 ? 0 : -1;
}
