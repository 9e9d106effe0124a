// Part of RowKernelsBody.h: the kernels of TileKernels.h for one instruction set.

#define STRIP kernels_strip_columns
#define PANEL_ROWS kernels_panel_rows
#define PITCH kernels_strip_pitch
#define WIDE (LANES / 2)             // float64 per vector
#define MICRO_COLUMNS (3 * WIDE)     // columns of a micro-tile
#define STRIP_VECTORS (STRIP / WIDE)

typedef double td __attribute__((ext_vector_type(WIDE)));

INLINE td load_wide(const double *p) {
  td v;
  memcpy(&v, p, sizeof v);
  return v;
}
INLINE void store_wide(double *p, td v) { memcpy(p, &v, sizeof v); }

// c + a b, and c - a b
#if FUSED
#define WIDE_ADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#define WIDE_SUB(a, b, c) __builtin_elementwise_fma(-(a), b, c)
#else
#define WIDE_ADD(a, b, c) ((c) + (a) * (b))
#define WIDE_SUB(a, b, c) ((c) - (a) * (b))
#endif

// One micro-tile: c (+ or -)= a b, or c = - a b. Element (row, m) of a is a[row * a_row + m * a_step].
enum { tile_subtracts, tile_adds, tile_negates };
INLINE void micro_tile(double *c, size_t stride, const double *a, size_t a_row, size_t a_step, const double *b,
                       size_t depth, const int mode) {
  td sums[MICRO_ROWS][3];
#pragma clang loop unroll(full)
  for (int x = 0; x < MICRO_ROWS; x++)
#pragma clang loop unroll(full)
    for (int y = 0; y < 3; y++) sums[x][y] = mode == tile_negates ? (td)(0.0) : load_wide(c + x * stride + y * WIDE);
  for (size_t m = 0; m < depth; m++) {
    const td b0 = load_wide(b + m * STRIP), b1 = load_wide(b + m * STRIP + WIDE), b2 = load_wide(b + m * STRIP + 2 * WIDE);
#pragma clang loop unroll(full)
    for (int x = 0; x < MICRO_ROWS; x++) {
      const td factor = (td)(a[x * a_row + m * a_step]);
      if (mode == tile_adds) {
        sums[x][0] = WIDE_ADD(factor, b0, sums[x][0]);
        sums[x][1] = WIDE_ADD(factor, b1, sums[x][1]);
        sums[x][2] = WIDE_ADD(factor, b2, sums[x][2]);
      } else {
        sums[x][0] = WIDE_SUB(factor, b0, sums[x][0]);
        sums[x][1] = WIDE_SUB(factor, b1, sums[x][1]);
        sums[x][2] = WIDE_SUB(factor, b2, sums[x][2]);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int x = 0; x < MICRO_ROWS; x++)
#pragma clang loop unroll(full)
    for (int y = 0; y < 3; y++) store_wide(c + x * stride + y * WIDE, sums[x][y]);
}

static void tile_subtract(double *c, size_t stride, size_t row_strips, size_t strips, const double *a, const double *b,
                          size_t depth, int64_t diagonal) {
  const int64_t rows = (int64_t)row_strips * STRIP;
  for (size_t s = 0; s < strips; s++) {
    for (int64_t part = 0; part < STRIP; part += MICRO_COLUMNS) {
      const int64_t column = (int64_t)s * STRIP + part;
      double *target = c + column;
      for (int64_t r = 0; r < rows; r += MICRO_ROWS) {
        if (column + MICRO_COLUMNS <= r + diagonal) break;
        if (r + MICRO_ROWS < rows)
          for (int x = 0; x < MICRO_ROWS; x++)
            for (int y = 0; y < MICRO_COLUMNS; y += 8)
              __builtin_prefetch(target + (size_t)(r + MICRO_ROWS + x) * stride + y, 1);
        micro_tile(target + (size_t)r * stride, stride, a + (size_t)(r / STRIP) * PITCH + r % STRIP, 1, STRIP,
                   b + s * PITCH + part, depth, tile_subtracts);
      }
    }
  }
}

static void tile_multiply(double *c, size_t stride, size_t rows, size_t strips, const double *a, size_t a_stride,
                          const double *b, size_t depth, int32_t negates) {
  for (size_t s = 0; s < strips; s++)
    for (size_t part = 0; part < STRIP; part += MICRO_COLUMNS)
      for (size_t r = 0; r < rows; r += MICRO_ROWS) {
        double *target = c + r * stride + s * STRIP + part;
        const double *right = b + s * PITCH + part;
        if (negates) micro_tile(target, stride, a + r * a_stride, a_stride, 1, right, depth, tile_negates);
        else micro_tile(target, stride, a + r * a_stride, a_stride, 1, right, depth, tile_adds);
      }
}

// `count` strips side by side, so that sums wait for each other less.
INLINE void eliminate_strips(double *strips, const size_t count, size_t depth, const double *coefficients, double root,
                             double *diagonals) {
  td sums[4][STRIP_VECTORS];
  for (size_t s = 0; s < count; s++)
    for (int y = 0; y < STRIP_VECTORS; y++) sums[s][y] = load_wide(strips + s * PITCH + depth * STRIP + y * WIDE);
  for (size_t m = 0; m < depth; m++) {
    const td factor = (td)(coefficients[m]);
#pragma clang loop unroll(full)
    for (size_t s = 0; s < count; s++)
#pragma clang loop unroll(full)
      for (int y = 0; y < STRIP_VECTORS; y++)
        sums[s][y] = WIDE_SUB(factor, load_wide(strips + s * PITCH + m * STRIP + y * WIDE), sums[s][y]);
  }
  for (size_t s = 0; s < count; s++)
    for (int y = 0; y < STRIP_VECTORS; y++) {
      const td value = sums[s][y] / (td)(root);
      store_wide(strips + s * PITCH + depth * STRIP + y * WIDE, value);
      double *diagonal = diagonals + s * STRIP + y * WIDE;
      store_wide(diagonal, WIDE_SUB(value, value, load_wide(diagonal)));
    }
}

static void tile_eliminate(double *strips, size_t count, size_t depth, const double *coefficients, double root,
                           double *diagonals) {
  size_t s = 0;
#if LANES == 16
  for (; s + 4 <= count; s += 4)
    eliminate_strips(strips + s * PITCH, 4, depth, coefficients, root, diagonals + s * STRIP);
#elif LANES == 8
  for (; s + 2 <= count; s += 2)
    eliminate_strips(strips + s * PITCH, 2, depth, coefficients, root, diagonals + s * STRIP);
#endif
  for (; s < count; s++) eliminate_strips(strips + s * PITCH, 1, depth, coefficients, root, diagonals + s * STRIP);
}

static int64_t tile_smallest(const double *numbers, const int32_t *labels, size_t count, double *value) {
  td best[3];
  for (int y = 0; y < 3; y++) best[y] = (td)(__builtin_inf());
  for (size_t i = 0; i < count; i += MICRO_COLUMNS)
    for (int y = 0; y < 3; y++) {
      const td number = load_wide(numbers + i + y * WIDE);
      best[y] = number < best[y] ? number : best[y];
    }
  double least = __builtin_inf();
  for (int y = 0; y < 3; y++)
    for (int lane = 0; lane < WIDE; lane++)
      if (best[y][lane] < least) least = best[y][lane];
  *value = least;
  int64_t place = -1;
  if (least == __builtin_inf()) return place;
  for (size_t i = 0; i < count; i += STRIP) {
    int found = 0;
    for (size_t x = 0; x < STRIP; x++) found |= numbers[i + x] == least;
    if (!found) continue;
    for (size_t x = 0; x < STRIP; x++)
      if (numbers[i + x] == least && (place < 0 || labels[i + x] < labels[place])) place = (int64_t)(i + x);
  }
  return place;
}

// Row i of the inverse is that of the identity, less the rows behind it, over the diagonal.
static void tile_invert(double *strips, size_t order) {
  double inverse[PANEL_ROWS][PANEL_ROWS];
  memset(inverse, 0, sizeof inverse);
  for (size_t i = order; i-- > 0;) {
    td sums[PANEL_ROWS / WIDE];
    for (int y = 0; y < PANEL_ROWS / WIDE; y++) sums[y] = (td)(0.0);
    for (size_t k = i + 1; k < order; k++) {
      const td factor = (td)(strips[k / STRIP * PITCH + i * STRIP + k % STRIP]);
      for (size_t y = k / WIDE; y < PANEL_ROWS / WIDE; y++)
        sums[y] = WIDE_SUB(factor, load_wide(inverse[k] + y * WIDE), sums[y]);
    }
    const double reciprocal = 1 / strips[i / STRIP * PITCH + i * STRIP + i % STRIP];
    for (int y = 0; y < PANEL_ROWS / WIDE; y++) store_wide(inverse[i] + y * WIDE, sums[y] * (td)(reciprocal));
    inverse[i][i] = reciprocal;
  }
  for (size_t column = 0; column < PANEL_ROWS; column += STRIP)
    for (size_t row = 0; row < PANEL_ROWS; row++)
      memcpy(strips + column / STRIP * PITCH + row * STRIP, inverse[row] + column, STRIP * sizeof(double));
}

const TileKernels TILE_TABLE = {tile_subtract, tile_multiply, tile_eliminate, tile_smallest, tile_invert};
