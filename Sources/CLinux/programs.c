// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// What a supervisor of containers is sent and means for the program: every signal that ends or steers servers.
static const int forwarded[] = {SIGHUP,  SIGINT,  SIGQUIT,  SIGUSR1, SIGUSR2,
                                SIGTERM, SIGCONT, SIGWINCH, SIGALRM};
enum { forwarded_count = sizeof forwarded / sizeof *forwarded };

static volatile pid_t child;

static void forward(int signal) {
    int saved = errno;
    if (child > 0) kill(child, signal);
    errno = saved;
}

static void set_mask(int how) {
    sigset_t set;
    sigemptyset(&set);
    for (int index = 0; index < forwarded_count; index++) sigaddset(&set, forwarded[index]);
    pthread_sigmask(how, &set, NULL);
}

pid_t CLinux_spawn(const char *path, char *const words[]) {
    struct sigaction action = {.sa_handler = forward, .sa_flags = SA_RESTART};
    for (int index = 0; index < forwarded_count; index++) sigaction(forwarded[index], &action, NULL);
    posix_spawnattr_t attributes;
    int code = posix_spawnattr_init(&attributes);
    if (code != 0) {
        errno = code;
        return -1;
    }
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    // A signal that comes before there is a child waits until there is one.
    set_mask(SIG_BLOCK);
    pid_t spawned = -1;
    code = posix_spawn(&spawned, path, NULL, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
    if (code == 0) child = spawned;
    set_mask(SIG_UNBLOCK);
    errno = code;
    return code == 0 ? spawned : -1;
}

int CLinux_wait_for(pid_t process) {
    int status;
    for (;;) {
        // As the first process of a container this one inherits orphans, and they want to be waited for.
        pid_t ended = waitpid(-1, &status, 0);
        if (ended < 0 && errno != EINTR) return -1;
        if (ended != process) continue;
        if (WIFEXITED(status)) return WEXITSTATUS(status);
        if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
    }
}

// Takes `lost` out of every set that a program could have them from.
static int give_up(uint64_t lost) {
    for (int number = 0; number < 64; number++)
        if (lost >> number & 1 && prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1 &&
            prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0)
            return -1;
    for (int number = 0; number < 64; number++)
        if (lost >> number & 1) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, number, 0, 0);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) != 0) return -1;
    for (int half = 0; half < 2; half++) {
        uint32_t mask = (uint32_t) ~(lost >> (32 * half));
        data[half].permitted &= mask;
        data[half].effective &= mask;
        data[half].inheritable &= mask;
    }
    return (int)syscall(SYS_capset, &header, data);
}

int CLinux_become(const char *program, char *const words[], uint64_t lost) {
    if (give_up(lost) != 0) return -1;
    execvp(program, words);
    return -1;
}
