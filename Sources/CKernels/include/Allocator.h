#pragma once
#include <stdint.h>

// What the C library's allocator keeps of memory that was freed; nothing happens where it has no such settings.

// Keeps at most `kept` bytes at the end of the heap, and gives blocks from 1 MiB on back when they are freed.
void kernels_limit_allocator(int64_t kept);

// Gives all that is free back to the system.
void kernels_trim_allocator(void);
