#pragma once
#include <stddef.h>
#include <stdint.h>

// What threads, also those of several processes that share memory, wait for each other with. All bytes zero at first.
typedef struct {
  uint64_t arrived;
  uint64_t unused[7];  // what waits reads lies in a cache line of its own
  uint64_t generation;
  uint64_t others[7];
} TeamBarrier;

// Returns when `count` threads have called it; what any of them wrote before, all see. It spins for some microseconds, then
// lets others run, and sleeps at last.
void kernels_barrier(TeamBarrier *barrier, int64_t count);

// The counter's value, which becomes one more: every caller gets another number.
int64_t kernels_next(int64_t *counter);
