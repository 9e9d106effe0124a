#if defined(__x86_64__)
#include <string.h>

#include <immintrin.h>

// One or two registers of 16 lanes hold a run.
#define SEARCH_PERMUTE(to, from, index, span)                                                   \
  {                                                                                             \
    __m512 halves[2], results[2];                                                               \
    __m512i indices[2];                                                                         \
    memcpy(halves, from, sizeof halves);                                                        \
    memcpy(indices, index, sizeof indices);                                                     \
    for (int half = 0; half < 2; half++)                                                        \
      results[half] = span > 16 ? _mm512_permutex2var_ps(halves[0], indices[half], halves[1])   \
                                : _mm512_permutexvar_ps(indices[half], halves[half]);           \
    memcpy(to, results, sizeof results);                                                        \
  }
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#define LANES 16
#define FUSED 1
#define BROADCAST_CONSTRAINT "+v"
#define PANEL_WIDTH 12
#define BLOCK_VECTORS 2
#define TABLE kernels_row_v4
#define TILE_TABLE kernels_tile_v4
#define MICRO_ROWS 8
#define NAME "x86-64-v4"
#include "RowKernelsBody.h"
#pragma clang attribute pop
#endif
