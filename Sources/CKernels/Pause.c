#include "Pause.h"

#include <sched.h>
#include <time.h>

void kernels_pause(int64_t round) {
  if (round < 2000) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
  } else if (round < 12000) {
    sched_yield();
  } else {
    const struct timespec nap = {0, 50000};
    nanosleep(&nap, 0);
  }
}
