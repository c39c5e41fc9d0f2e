// Faults between a program and its files: stands before the C library's calls (LD_PRELOAD) and makes the n-th of them
// fail, kills the process at it, cuts writes short, or writes down every change for a power cut to be played later.
//
// Only paths below FAULT_DIR count. All is set by the environment:
//   FAULT_DIR     the folder, absolute
//   FAULT_COUNT   a file of counters, mapped, so that they outlive a kill: calls by kind, positions, hits; then what was
//                 hit first, as text
//   FAULT_KINDS   which kinds of calls are positions, of the letters in KINDS; all without it
//   FAULT_AT      the position that fails, from 1; with FAULT_ERRNO, and all later ones too where FAULT_FOR_GOOD is set
//   FAULT_KILL_AT the position at which the process is killed (a write is half done then)
//   FAULT_SHORT   a seed: writes end anywhere
//   FAULT_DELAY   how many milliseconds each write takes, as on a disk that is overworked
//   FAULT_LOG     a file: every change with its data, in the order of the calls
//
// It makes the system calls itself, by the calls that every Linux has, so there is nothing to look up.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

// open to read, open to write, read, write, sync, rename, unlink, truncate, allocate, make a folder, link
enum kind { OPEN, CREATE, READ, WRITE, SYNC, RENAME, UNLINK, TRUNCATE, ALLOCATE, MKDIR, LINK, KIND_COUNT };
static const char KINDS[KIND_COUNT + 1] = "ocrwsnutaml";

#define FDS 4096
#define HALF (-1)

struct shared {
    uint64_t calls[KIND_COUNT];
    uint64_t positions;
    uint64_t hits;
    char first[PATH_MAX];
};

struct opened {
    const char *path; // what the file was opened as; null where it is none of ours
    uint64_t handle;
};

static struct opened files[FDS];
static const char *dir;
static size_t dir_length;
static struct shared own, *shared = &own;
static int is_position[KIND_COUNT];
static uint64_t fail_at, kill_at, half_done, handles, delay_ms;
static int fail_errno = EIO, for_good, is_short, log_fd = -1;
static uint64_t short_state;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t number(const char *name) {
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void begin(void) {
    const char *kinds = getenv("FAULT_KINDS"), *count = getenv("FAULT_COUNT"), *log = getenv("FAULT_LOG");
    for (int kind = 0; kind < KIND_COUNT; kind++) is_position[kind] = !kinds || strchr(kinds, KINDS[kind]);
    fail_at = number("FAULT_AT");
    kill_at = number("FAULT_KILL_AT");
    for_good = getenv("FAULT_FOR_GOOD") != NULL;
    is_short = getenv("FAULT_SHORT") != NULL;
    short_state = number("FAULT_SHORT");
    delay_ms = number("FAULT_DELAY");
    if (getenv("FAULT_ERRNO")) fail_errno = (int)number("FAULT_ERRNO");
    if (count) {
        int fd = syscall(SYS_openat, AT_FDCWD, count, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0 && syscall(SYS_ftruncate, fd, sizeof own) == 0) {
            void *mapped = mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
            if (mapped != MAP_FAILED) shared = mapped;
        }
        syscall(SYS_close, fd);
    }
    if (log) log_fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dir = getenv("FAULT_DIR");
    dir_length = dir ? strlen(dir) : 0;
}

static uint64_t next_random(void) {
    uint64_t z = __atomic_add_fetch(&short_state, 0x9e3779b97f4a7c15u, __ATOMIC_RELAXED);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

// The absolute path in `out`, and whether it is one of ours. The environment of a child has no use for it.
static int ours(int at, const char *path, char out[PATH_MAX]) {
    if (!dir || !path) return 0;
    char base[PATH_MAX] = "";
    if (path[0] != '/') {
        char link[64];
        if (at == AT_FDCWD) {
            if (syscall(SYS_getcwd, base, sizeof base) < 0) return 0;
        } else if (at >= 0 && at < FDS && files[at].path) {
            snprintf(base, sizeof base, "%s", files[at].path);
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", at);
            ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, base, sizeof base - 1);
            if (length < 0) return 0;
            base[length] = 0;
        }
    }
    while (path[0] == '.' && path[1] == '/') path += 2;
    if (!strcmp(path, ".")) path = "";
    int length = path[0] == '/' ? snprintf(out, PATH_MAX, "%s", path) : snprintf(out, PATH_MAX, "%s/%s", base, path);
    if (length < 0 || length >= PATH_MAX) return 0;
    while (length > 1 && out[length - 1] == '/') out[--length] = 0;
    return !strncmp(out, dir, dir_length) && (out[dir_length] == '/' || out[dir_length] == 0);
}

static const char *path_of(int fd) { return dir && fd >= 0 && fd < FDS ? files[fd].path : NULL; }

static void note_hit(enum kind kind, const char *path) {
    if (__atomic_add_fetch(&shared->hits, 1, __ATOMIC_RELAXED) == 1)
        snprintf(shared->first, sizeof shared->first, "%c %s", KINDS[kind], path);
}

// 0 for a call that goes on, HALF for a write that is cut in two, else the error it fails with.
static int decide(enum kind kind, const char *path, size_t length) {
    __atomic_add_fetch(&shared->calls[kind], 1, __ATOMIC_RELAXED);
    if (!is_position[kind]) return 0;
    uint64_t at = __atomic_add_fetch(&shared->positions, 1, __ATOMIC_RELAXED);
    if (kill_at && at >= kill_at) {
        note_hit(kind, path);
        if (kind == WRITE && at == kill_at && length > 1) return HALF;
        syscall(SYS_kill, getpid(), SIGKILL);
    }
    if (!fail_at) return 0;
    // a full disk takes the part that still fits; the call after that fails
    if (at == fail_at && fail_errno == ENOSPC && kind == WRITE && length > 1) {
        half_done = 1;
        note_hit(kind, path);
        return HALF;
    }
    if (at == fail_at + half_done || (for_good && at > fail_at)) {
        note_hit(kind, path);
        return fail_errno;
    }
    return 0;
}

static int fails(enum kind kind, const char *path) {
    int error = decide(kind, path, 0);
    if (error) errno = error;
    return error;
}

// One change in the log: op, handle, a number, two texts. The caller holds the lock.
static void record(char op, uint64_t handle, uint64_t figure, const void *first, uint32_t first_length,
                   const void *second, uint32_t second_length) {
    char head[25];
    head[0] = op;
    memcpy(head + 1, &handle, 8);
    memcpy(head + 9, &figure, 8);
    memcpy(head + 17, &first_length, 4);
    memcpy(head + 21, &second_length, 4);
    struct iovec parts[3] = {{head, sizeof head}, {(void *)first, first_length}, {(void *)second, second_length}};
    ssize_t total = sizeof head + first_length + (ssize_t)second_length;
    if (syscall(SYS_writev, log_fd, parts, 3) != total) syscall(SYS_kill, getpid(), SIGABRT);
}

static void enter(void) {
    if (log_fd >= 0) pthread_mutex_lock(&lock);
}

// Leaves errno as the call left it.
static void leave(void) {
    if (log_fd >= 0) pthread_mutex_unlock(&lock);
}

static void record_paths(char op, int failed, const char *first, const char *second) {
    int error = errno;
    if (!failed && log_fd >= 0) record(op, 0, 0, first, strlen(first), second, strlen(second));
    errno = error;
}

static int open_any(int at, const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    if (!ours(at, path, full)) return syscall(SYS_openat, at, path, flags, mode);
    int writes = (flags & (O_CREAT | O_TRUNC)) || (flags & O_ACCMODE) != O_RDONLY;
    if (fails(writes ? CREATE : OPEN, full)) return -1;
    enter();
    int is_new = log_fd >= 0 && (flags & O_CREAT) && syscall(SYS_faccessat, AT_FDCWD, full, F_OK) != 0;
    int fd = syscall(SYS_openat, at, path, flags, mode);
    if (fd >= 0 && fd < FDS) {
        files[fd].handle = __atomic_add_fetch(&handles, 1, __ATOMIC_RELAXED);
        files[fd].path = strdup(full); // never freed: another thread may be reading it
        int figure = (is_new ? 1 : 0) | ((flags & O_TRUNC) && writes ? 2 : 0);
        if (log_fd >= 0) record('o', files[fd].handle, figure, full, strlen(full), "", 0);
    }
    leave();
    return fd;
}

static mode_t mode_of(int flags, va_list rest) {
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
}

#define OPEN_AS(name)                                                                                                  \
    int name(const char *path, int flags, ...) {                                                                       \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = mode_of(flags, rest);                                                                            \
        va_end(rest);                                                                                                  \
        return open_any(AT_FDCWD, path, flags, mode);                                                                  \
    }
#define OPENAT_AS(name)                                                                                                \
    int name(int at, const char *path, int flags, ...) {                                                               \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = mode_of(flags, rest);                                                                            \
        va_end(rest);                                                                                                  \
        return open_any(at, path, flags, mode);                                                                        \
    }
OPEN_AS(open)
OPEN_AS(open64)
OPENAT_AS(openat)
OPENAT_AS(openat64)
int creat(const char *path, mode_t mode) { return open_any(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

int close(int fd) {
    if (fd >= 0 && fd < FDS) files[fd].path = NULL;
    return syscall(SYS_close, fd);
}

// A file opened twice is one file.
static int fcntl_any(int fd, int command, long argument) {
    int result = syscall(SYS_fcntl, fd, command, argument);
    if ((command == F_DUPFD || command == F_DUPFD_CLOEXEC) && result >= 0 && result < FDS && path_of(fd))
        files[result] = files[fd];
    return result;
}

#define FCNTL_AS(name)                                                                                                 \
    int name(int fd, int command, ...) {                                                                               \
        va_list rest;                                                                                                  \
        va_start(rest, command);                                                                                       \
        long argument = va_arg(rest, long);                                                                            \
        va_end(rest);                                                                                                  \
        return fcntl_any(fd, command, argument);                                                                       \
    }
FCNTL_AS(fcntl)
FCNTL_AS(fcntl64)

// `offset` is null for a write at the file's own place.
static ssize_t write_any(int fd, const void *bytes, size_t length, const off_t *offset) {
    const char *path = path_of(fd);
    if (!path) {
        return offset ? syscall(SYS_pwrite64, fd, bytes, length, *offset) : syscall(SYS_write, fd, bytes, length);
    }
    int error = decide(WRITE, path, length);
    if (error > 0) {
        errno = error;
        return -1;
    }
    if (delay_ms) usleep(delay_ms * 1000);
    if (error == HALF) length /= 2;
    else if (is_short && length > 1) length = 1 + next_random() % length;
    enter();
    off_t place = offset ? *offset : 0;
    if (!offset && log_fd >= 0) {
        struct stat about;
        int appends = syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND;
        place = appends && fstat(fd, &about) == 0 ? about.st_size : syscall(SYS_lseek, fd, 0, SEEK_CUR);
    }
    ssize_t done = offset ? syscall(SYS_pwrite64, fd, bytes, length, place) : syscall(SYS_write, fd, bytes, length);
    if (done > 0 && log_fd >= 0) record('w', files[fd].handle, place, "", 0, bytes, done);
    leave();
    if (error == HALF && kill_at) syscall(SYS_kill, getpid(), SIGKILL);
    return done;
}

ssize_t write(int fd, const void *bytes, size_t length) { return write_any(fd, bytes, length, NULL); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return write_any(fd, bytes, length, &offset); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) { return write_any(fd, bytes, length, &offset); }

// Of several pieces the first is written: callers of these go on behind what was.
static const struct iovec *first_piece(const struct iovec *pieces, int count) {
    int at = 0;
    while (at + 1 < count && pieces[at].iov_len == 0) at++;
    return &pieces[at];
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
    if (!path_of(fd) || count < 1) return syscall(SYS_writev, fd, pieces, count);
    const struct iovec *piece = first_piece(pieces, count);
    return write_any(fd, piece->iov_base, piece->iov_len, NULL);
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset) {
    if (!path_of(fd) || count < 1) return syscall(SYS_pwritev, fd, pieces, count, offset, 0);
    const struct iovec *piece = first_piece(pieces, count);
    return write_any(fd, piece->iov_base, piece->iov_len, &offset);
}

ssize_t read(int fd, void *bytes, size_t length) {
    const char *path = path_of(fd);
    return path && fails(READ, path) ? -1 : syscall(SYS_read, fd, bytes, length);
}

ssize_t pread(int fd, void *bytes, size_t length, off_t offset) {
    const char *path = path_of(fd);
    return path && fails(READ, path) ? -1 : syscall(SYS_pread64, fd, bytes, length, offset);
}

ssize_t pread64(int fd, void *bytes, size_t length, off_t offset) { return pread(fd, bytes, length, offset); }

ssize_t readv(int fd, const struct iovec *pieces, int count) {
    const char *path = path_of(fd);
    return path && fails(READ, path) ? -1 : syscall(SYS_readv, fd, pieces, count);
}

// What copies inside the kernel is done by reading and writing instead, which callers fall back to.
ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t length, unsigned flags) {
    if (path_of(in) || path_of(out)) {
        errno = ENOSYS;
        return -1;
    }
    return syscall(SYS_copy_file_range, in, in_at, out, out_at, length, flags);
}

ssize_t sendfile(int out, int in, off_t *offset, size_t length) {
    if (path_of(in) || path_of(out)) {
        errno = EINVAL;
        return -1;
    }
    return syscall(SYS_sendfile, out, in, offset, length);
}

ssize_t sendfile64(int out, int in, off_t *offset, size_t length) { return sendfile(out, in, offset, length); }

static int sync_any(long call, int fd) {
    const char *path = path_of(fd);
    if (!path) return syscall(call, fd);
    if (fails(SYNC, path)) return -1;
    enter();
    int result = syscall(call, fd);
    if (result == 0 && log_fd >= 0) record('s', files[fd].handle, 0, "", 0, "", 0);
    leave();
    return result;
}

int fsync(int fd) { return sync_any(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_any(SYS_fdatasync, fd); }

int ftruncate(int fd, off_t length) {
    const char *path = path_of(fd);
    if (!path) return syscall(SYS_ftruncate, fd, length);
    struct stat about;
    int grows = fstat(fd, &about) == 0 && about.st_size < length;
    if (fails(grows ? ALLOCATE : TRUNCATE, path)) return -1;
    enter();
    int result = syscall(SYS_ftruncate, fd, length);
    if (result == 0 && log_fd >= 0) record('t', files[fd].handle, length, "", 0, "", 0);
    leave();
    return result;
}

int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

int fallocate(int fd, int mode, off_t offset, off_t length) {
    const char *path = path_of(fd);
    if (!path) return syscall(SYS_fallocate, fd, mode, offset, length);
    if (fails(mode == 0 ? ALLOCATE : TRUNCATE, path)) return -1;
    enter();
    int result = syscall(SYS_fallocate, fd, mode, offset, length);
    // holes are punched where nothing is read any more
    if (result == 0 && mode == 0 && log_fd >= 0) record('a', files[fd].handle, offset + length, "", 0, "", 0);
    leave();
    return result;
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length) { return fallocate(fd, mode, offset, length); }
int posix_fallocate(int fd, off_t offset, off_t length) { return fallocate(fd, 0, offset, length) ? errno : 0; }
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return posix_fallocate(fd, offset, length); }

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    char old[PATH_MAX], new[PATH_MAX];
    if (!ours(from_at, from, old) || !ours(to_at, to, new))
        return syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    if (fails(RENAME, old)) return -1;
    enter();
    int result = syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    record_paths('n', result, old, new);
    leave();
    return result;
}

int renameat(int from_at, const char *from, int to_at, const char *to) {
    return renameat2(from_at, from, to_at, to, 0);
}
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int at, const char *path, int flags) {
    char full[PATH_MAX];
    if (!ours(at, path, full)) return syscall(SYS_unlinkat, at, path, flags);
    if (fails(UNLINK, full)) return -1;
    enter();
    int result = syscall(SYS_unlinkat, at, path, flags);
    record_paths('u', result, full, "");
    leave();
    return result;
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
    int result = unlinkat(AT_FDCWD, path, 0);
    return result && errno == EISDIR ? unlinkat(AT_FDCWD, path, AT_REMOVEDIR) : result;
}

int mkdirat(int at, const char *path, mode_t mode) {
    char full[PATH_MAX];
    if (!ours(at, path, full)) return syscall(SYS_mkdirat, at, path, mode);
    if (fails(MKDIR, full)) return -1;
    enter();
    int result = syscall(SYS_mkdirat, at, path, mode);
    record_paths('m', result, full, "");
    leave();
    return result;
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int symlinkat(const char *target, int at, const char *path) {
    char full[PATH_MAX];
    if (!ours(at, path, full)) return syscall(SYS_symlinkat, target, at, path);
    if (fails(LINK, full)) return -1;
    enter();
    int result = syscall(SYS_symlinkat, target, at, path);
    record_paths('l', result, full, target);
    leave();
    return result;
}

int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }

int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
    char old[PATH_MAX], new[PATH_MAX];
    if (!ours(from_at, from, old) || !ours(to_at, to, new))
        return syscall(SYS_linkat, from_at, from, to_at, to, flags);
    if (fails(LINK, new)) return -1;
    enter();
    int result = syscall(SYS_linkat, from_at, from, to_at, to, flags);
    record_paths('h', result, new, old);
    leave();
    return result;
}

int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
