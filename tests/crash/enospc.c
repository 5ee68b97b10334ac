/* Preloaded into the server by test_disk_full.py: while the file named by TOCSIN_TEST_FULL exists,
 * every write to a regular file below TOCSIN_TEST_DIRECTORY fails with ENOSPC, as on a full disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int full(int fd) {
  const char *flag = getenv("TOCSIN_TEST_FULL");
  const char *directory = getenv("TOCSIN_TEST_DIRECTORY");
  char link[64];
  char path[4096];
  if (flag == NULL || directory == NULL || access(flag, F_OK) != 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = '\0';
  return strncmp(path, directory, strlen(directory)) == 0;
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, name)

ssize_t write(int fd, const void *data, size_t size) {
  REAL(ssize_t, "write", int, const void *, size_t);
  if (full(fd)) { errno = ENOSPC; return -1; }
  return real(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
  if (full(fd)) { errno = ENOSPC; return -1; }
  return real(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  if (full(fd)) { errno = ENOSPC; return -1; }
  return real(fd, data, size, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(ssize_t, "writev", int, const struct iovec *, int);
  if (full(fd)) { errno = ENOSPC; return -1; }
  return real(fd, parts, count);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
  REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
  if (full(fd)) { errno = ENOSPC; return -1; }
  return real(fd, parts, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
  REAL(ssize_t, "pwritev64", int, const struct iovec *, int, off64_t);
  if (full(fd)) { errno = ENOSPC; return -1; }
  return real(fd, parts, count, at);
}
