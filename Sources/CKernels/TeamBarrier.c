#include "TeamBarrier.h"

#include "Pause.h"

void kernels_barrier(TeamBarrier *barrier, int64_t count) {
  if (count <= 1) return;
  const uint64_t generation = __atomic_load_n(&barrier->generation, __ATOMIC_ACQUIRE);
  if (__atomic_add_fetch(&barrier->arrived, 1, __ATOMIC_ACQ_REL) == (uint64_t)count) {
    __atomic_store_n(&barrier->arrived, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&barrier->generation, generation + 1, __ATOMIC_RELEASE);
    return;
  }
  for (int64_t round = 0; __atomic_load_n(&barrier->generation, __ATOMIC_ACQUIRE) == generation; round++)
    kernels_pause(round);
}

int64_t kernels_next(int64_t *counter) { return __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED); }
