#pragma once
#include <stddef.h>
#include <stdint.h>

// sums[i] += round(values[i] * scale) for i in 0 ..< count.
// `scale` is a power of two, so the product is exact; the sum of integers is associative, so any order of calls
// and any partition give the same sums. The caller guarantees that no sum leaves the range of int64.
void kernels_add_scaled(int64_t *sums, const float *values, size_t count, double scale);
