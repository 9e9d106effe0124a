#pragma once

#include <stdint.h>

// Lets a moment pass for a thread that waits for others, the longer the more rounds it has waited: the processor's pause,
// then the turn of another thread, then a nap.
void kernels_pause(int64_t round);
