#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LANES 8
#define FUSED 1
#define BROADCAST_CONSTRAINT "+x"
#define PANEL_WIDTH 6
#define BLOCK_VECTORS 1
#define TABLE kernels_row_v3
#define NAME "x86-64-v3"
#include "RowKernelsBody.h"
#pragma clang attribute pop
#endif
