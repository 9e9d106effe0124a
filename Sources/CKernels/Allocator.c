#include "Allocator.h"

// Which C library it is.
#include <limits.h>

#ifdef __GLIBC__
#include <malloc.h>
#else
#include <stdlib.h>
#endif

void kernels_limit_allocator(int64_t kept) {
#ifdef __GLIBC__
  // Without this the threshold grows to that of the largest block freed so far, up to 32 MiB.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mallopt(M_TRIM_THRESHOLD, kept < INT32_MAX ? (int)kept : INT32_MAX);
#else
  (void)kept;
#endif
}

void kernels_trim_allocator(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}
