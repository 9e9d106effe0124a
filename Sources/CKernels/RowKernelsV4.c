#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#define LANES 16
#define FUSED 1
#define BROADCAST_CONSTRAINT "+v"
#define PANEL_WIDTH 12
#define BLOCK_VECTORS 2
#define TABLE kernels_row_v4
#define NAME "x86-64-v4"
#include "RowKernelsBody.h"
#pragma clang attribute pop
#endif
