#include "ColumnKernels.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

INLINE float widen(uint16_t bits) {
  uint32_t pattern = (uint32_t)bits << 16;
  float value;
  memcpy(&value, &pattern, sizeof value);
  return value;
}

INLINE uint16_t narrow(float value) {
  uint32_t pattern;
  memcpy(&pattern, &value, sizeof pattern);
  // Just under half of the last place that is kept, and that place itself: rounds ties to even.
  uint32_t rounded = (pattern + 0x7FFF + (pattern >> 16 & 1)) >> 16;
  uint32_t nan = pattern >> 16 | 0x40;
  return (uint16_t)((pattern & 0x7FFFFFFF) > 0x7F800000 ? nan : rounded);
}

INLINE void to_bfloat16(uint16_t *restrict target, const float *restrict source, size_t count) {
  for (size_t i = 0; i < count; i++) target[i] = narrow(source[i]);
}

INLINE void difference_bfloat16(uint16_t *restrict target, const uint16_t *restrict left,
                                const uint16_t *restrict right, size_t count) {
  for (size_t i = 0; i < count; i++) target[i] = narrow(widen(left[i]) - widen(right[i]));
}

// The body of a sum over rows, which are `stride` elements apart.
#define SUM_ROWS(TERM)                                  \
  for (size_t row = 0; row < count; row++)              \
    for (size_t column = 0; column < columns; column++) { \
      size_t i = row * stride + column;                 \
      sums[column] += (TERM);                           \
    }
INLINE double square(float value) { return (double)value * (double)value; }

INLINE void add_columns(double *restrict sums, const float *restrict matrix, size_t count, size_t columns, size_t stride) {
  SUM_ROWS((double)matrix[i])
}
INLINE void add_columns_bfloat16(double *restrict sums, const uint16_t *restrict matrix, size_t count, size_t columns, size_t stride) {
  SUM_ROWS((double)widen(matrix[i]))
}
INLINE void add_column_squares(double *restrict sums, const float *restrict matrix, size_t count, size_t columns, size_t stride) {
  SUM_ROWS(square(matrix[i]))
}
INLINE void add_column_squares_bfloat16(double *restrict sums, const uint16_t *restrict matrix, size_t count,
                                        size_t columns, size_t stride) {
  SUM_ROWS(square(widen(matrix[i])))
}
INLINE void add_difference_squares(double *restrict sums, const float *left, const float *right, size_t count,
                                   size_t columns, size_t stride) {
  SUM_ROWS(square(left[i] - right[i]))
}
INLINE void add_difference_squares_bfloat16(double *restrict sums, const uint16_t *left, const uint16_t *right,
                                            size_t count, size_t columns, size_t stride) {
  SUM_ROWS(square(widen(left[i]) - widen(right[i])))
}

// kernels_NAME, which calls the body compiled for the best instruction set of this CPU.
#if defined(__x86_64__)
#define DISPATCH(NAME, PARAMETERS, ARGUMENTS)                                                              \
  __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl"))) static void NAME##_v4 PARAMETERS { NAME ARGUMENTS; } \
  __attribute__((target("avx2"))) static void NAME##_v3 PARAMETERS { NAME ARGUMENTS; }                     \
  void kernels_##NAME PARAMETERS {                                                                         \
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&                        \
        __builtin_cpu_supports("avx512dq"))                                                                \
      NAME##_v4 ARGUMENTS;                                                                                 \
    else if (__builtin_cpu_supports("avx2"))                                                               \
      NAME##_v3 ARGUMENTS;                                                                                 \
    else                                                                                                   \
      NAME ARGUMENTS;                                                                                      \
  }
#else
#define DISPATCH(NAME, PARAMETERS, ARGUMENTS) \
  void kernels_##NAME PARAMETERS { NAME ARGUMENTS; }
#endif

DISPATCH(to_bfloat16, (uint16_t * target, const float *source, size_t count), (target, source, count))
DISPATCH(difference_bfloat16, (uint16_t * target, const uint16_t *left, const uint16_t *right, size_t count),
         (target, left, right, count))
DISPATCH(add_columns, (double *sums, const float *matrix, size_t count, size_t columns, size_t stride), (sums, matrix, count, columns, stride))
DISPATCH(add_columns_bfloat16, (double *sums, const uint16_t *matrix, size_t count, size_t columns, size_t stride),
         (sums, matrix, count, columns, stride))
DISPATCH(add_column_squares, (double *sums, const float *matrix, size_t count, size_t columns, size_t stride),
         (sums, matrix, count, columns, stride))
DISPATCH(add_column_squares_bfloat16, (double *sums, const uint16_t *matrix, size_t count, size_t columns, size_t stride),
         (sums, matrix, count, columns, stride))
DISPATCH(add_difference_squares, (double *sums, const float *left, const float *right, size_t count, size_t columns, size_t stride),
         (sums, left, right, count, columns, stride))
DISPATCH(add_difference_squares_bfloat16,
         (double *sums, const uint16_t *left, const uint16_t *right, size_t count, size_t columns, size_t stride),
         (sums, left, right, count, columns, stride))
