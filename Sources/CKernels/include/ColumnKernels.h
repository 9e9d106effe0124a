#pragma once
#include <stddef.h>
#include <stdint.h>

// Conversions and sums over the rows of row-major matrices, count x columns. A bfloat16 is the upper half of a float32,
// here as its bits. Every result is the same on all CPUs: conversions round once, to nearest, ties to even; sums are in
// float64, row after row, and products of two floats are exact there.

// target[i] = source[i] as bfloat16; NaN stays NaN.
void kernels_to_bfloat16(uint16_t *target, const float *source, size_t count);
// target[i] = left[i] - right[i], in float32, as bfloat16.
void kernels_difference_bfloat16(uint16_t *target, const uint16_t *left, const uint16_t *right, size_t count);

// sums[column] += each row's element.
void kernels_add_columns(double *sums, const float *matrix, size_t count, size_t columns, size_t stride);
void kernels_add_columns_bfloat16(double *sums, const uint16_t *matrix, size_t count, size_t columns, size_t stride);
// sums[column] += the square of each row's element.
void kernels_add_column_squares(double *sums, const float *matrix, size_t count, size_t columns, size_t stride);
void kernels_add_column_squares_bfloat16(double *sums, const uint16_t *matrix, size_t count, size_t columns, size_t stride);
// sums[column] += the square of each row's left - right, whose difference is rounded to float32.
void kernels_add_difference_squares(double *sums, const float *left, const float *right, size_t count, size_t columns, size_t stride);
void kernels_add_difference_squares_bfloat16(double *sums, const uint16_t *left, const uint16_t *right, size_t count,
                                             size_t columns, size_t stride);
