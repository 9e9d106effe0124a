#include "HessianSums.h"

#include <math.h>

static inline __attribute__((always_inline)) void add_scaled(int64_t *sums, const float *values, size_t count,
                                                             double scale) {
  for (size_t i = 0; i < count; i++) sums[i] += (int64_t)nearbyint((double)values[i] * scale);
}

#if defined(__x86_64__)
__attribute__((target("avx512f,avx512dq,avx512vl"))) static void add_scaled_v4(int64_t *sums, const float *values,
                                                                               size_t count, double scale) {
  add_scaled(sums, values, count, scale);
}
__attribute__((target("avx2,fma"))) static void add_scaled_v3(int64_t *sums, const float *values, size_t count,
                                                              double scale) {
  add_scaled(sums, values, count, scale);
}
#endif

void kernels_add_scaled(int64_t *sums, const float *values, size_t count, double scale) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return add_scaled_v4(sums, values, count, scale);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return add_scaled_v3(sums, values, count, scale);
#endif
  add_scaled(sums, values, count, scale);
}
