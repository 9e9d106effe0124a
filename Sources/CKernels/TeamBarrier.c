#include "TeamBarrier.h"

#include <sched.h>
#include <time.h>

static inline void pause_thread(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

void kernels_barrier(TeamBarrier *barrier, int64_t count) {
  if (count <= 1) return;
  const uint64_t generation = __atomic_load_n(&barrier->generation, __ATOMIC_ACQUIRE);
  if (__atomic_add_fetch(&barrier->arrived, 1, __ATOMIC_ACQ_REL) == (uint64_t)count) {
    __atomic_store_n(&barrier->arrived, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&barrier->generation, generation + 1, __ATOMIC_RELEASE);
    return;
  }
  for (int round = 0; __atomic_load_n(&barrier->generation, __ATOMIC_ACQUIRE) == generation; round++) {
    if (round < 2000) {
      pause_thread();
    } else if (round < 12000) {
      sched_yield();
    } else {
      const struct timespec nap = {0, 50000};
      nanosleep(&nap, 0);
    }
  }
}

int64_t kernels_next(int64_t *counter) { return __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED); }
