#if defined(__x86_64__)
#include <string.h>

#include <immintrin.h>

// Registers of 8 lanes: a run of one or of four.
#define SEARCH_PERMUTE(to, from, index, span)                                                              \
  {                                                                                                        \
    __m256 parts[4], results[4];                                                                           \
    __m256i indices[4];                                                                                    \
    memcpy(parts, from, sizeof parts);                                                                     \
    memcpy(indices, index, sizeof indices);                                                                \
    for (int part = 0; part < 4; part++) {                                                                 \
      if (span == 8) {                                                                                     \
        results[part] = _mm256_permutevar8x32_ps(parts[part], indices[part]);                              \
      } else {                                                                                             \
        const __m256i origin = _mm256_srli_epi32(indices[part], 3);                                        \
        __m256 result = _mm256_permutevar8x32_ps(parts[0], indices[part]);                                 \
        for (int other = 1; other < 4; other++) {                                                          \
          const __m256i mask = _mm256_cmpeq_epi32(origin, _mm256_set1_epi32(other));                       \
          result = _mm256_blendv_ps(result, _mm256_permutevar8x32_ps(parts[other], indices[part]),         \
                                    _mm256_castsi256_ps(mask));                                            \
        }                                                                                                  \
        results[part] = result;                                                                            \
      }                                                                                                    \
    }                                                                                                      \
    memcpy(to, results, sizeof results);                                                                   \
  }
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LANES 8
#define FUSED 1
#define BROADCAST_CONSTRAINT "+x"
#define PANEL_WIDTH 6
#define BLOCK_VECTORS 1
#define TABLE kernels_row_v3
#define TILE_TABLE kernels_tile_v3
#define MICRO_ROWS 3
#define NAME "x86-64-v3"
#include "RowKernelsBody.h"
#pragma clang attribute pop
#endif
