#pragma once
#include <stddef.h>
#include <stdint.h>

// Kernels of a factorization in tiles, in float64. A panel is a block of rows of a matrix, stored in strips of 24 columns, one
// strip after the other and row after row within a strip (`double strip[96][24]`), so that a product of panels reads both in
// one piece. Every element of a result is one chain of products that are subtracted or added one after the other, so no
// result depends on how matrices are cut into calls.

enum { kernels_strip_columns = 24, kernels_panel_rows = 96 };

// Doubles from one strip of a panel to the next.
enum { kernels_strip_pitch = kernels_strip_columns * kernels_panel_rows };

typedef struct {
  // c[r][x] -= sum over m < depth of a[m][r] b[m][x], for 24 `row_strips` rows and 24 `strips` columns. `a` and `b` are strips of
  // panels, c is row-major. What is left of column r + `diagonal` may be left out.
  void (*subtract)(double *c, size_t stride, size_t row_strips, size_t strips, const double *a, const double *b,
                   size_t depth, int64_t diagonal);

  // c[r][x] += sum over m < depth of a[r][m] b[m][x], or c[r][x] = - that sum if `negates`, for `rows` rows, a multiple of 24, and
  // 24 `strips` columns. a and c are row-major, b is strips of a panel.
  void (*multiply)(double *c, size_t stride, size_t rows, size_t strips, const double *a, size_t a_stride,
                   const double *b, size_t depth, int32_t negates);

  // Row `depth` of the strips, which holds s, becomes r = (s - sum over m < depth of coefficients[m] row m) / root, and
  // r^2 is subtracted from `diagonals`, 24 numbers per strip.
  void (*eliminate)(double *strips, size_t count, size_t depth, const double *coefficients, double root,
                    double *diagonals);

  // The place of the smallest of `count` numbers, a multiple of 24: of equal ones that with the lowest label. -1 if all are
  // infinite or no numbers.
  int64_t (*smallest)(const double *numbers, const int32_t *labels, size_t count, double *value);

  // Replaces the upper triangular matrix in the first `order` rows and columns of a panel's first four strips by its inverse,
  // with zeros everywhere else in these strips.
  void (*invert)(double *strips, size_t order);
} TileKernels;

// The kernels of one instruction set, numbered as in RowKernels.h; NULL when this CPU lacks it.
const TileKernels *kernels_tile_kernels(int32_t instruction_set);
