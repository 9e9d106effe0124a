// Part of RowKernelsBody.h: the solve of rows with compensation, the quadratic form, and plain rounding.

#define BLOCK kernels_block_columns
#define PANEL kernels_panel_columns
#define SUB 8  // columns that are quantized in registers
#define TILE_GROUP kernels_tile_group

typedef uint8_t Bytes __attribute__((ext_vector_type(16)));

// Every other element of a and b, beside each other: the lower or the upper halves.
#if LANES == 4
#define ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#elif LANES == 8
#define ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define ZIP_LOW(a, b) ZIP16_LOW(a, b)
#define ZIP_HIGH(a, b) ZIP16_HIGH(a, b)
#endif
#define ZIP16_LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define ZIP16_HIGH(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

// Transposes `n` vectors v of n elements: each round rotates the bits of the pair of indices (vector, element) by one.
#define TRANSPOSE(type, n, v, low, high)              \
  for (int bits = 1; bits < n; bits *= 2) {           \
    type zipped[n];                                   \
    for (int i = 0; i < n / 2; i++) {                 \
      zipped[2 * i] = low(v[i], v[i + n / 2]);        \
      zipped[2 * i + 1] = high(v[i], v[i + n / 2]);   \
    }                                                 \
    for (int i = 0; i < n; i++) v[i] = zipped[i];     \
  }

static void load_tile(const RowProblem *problem, const float *weights, int64_t rows, float *tile) {
  const int64_t columns = problem->columns, whole = columns / LANES * LANES;
  const int32_t *position = problem->position;
  for (int64_t j = 0; j < whole; j += LANES) {
    for (int64_t row = 0; row < ROWS; row += LANES) {
      vf v[LANES];
      for (int i = 0; i < LANES; i++) {
        v[i] = row + i < rows ? load(weights + (row + i) * columns + j) : splat(0);
        __builtin_prefetch(weights + (row + i) * columns + j + 64);
      }
      TRANSPOSE(vf, LANES, v, ZIP_LOW, ZIP_HIGH)
      for (int i = 0; i < LANES; i++) store(tile + (size_t)position[j + i] * ROWS + row, v[i]);
    }
  }
  for (int64_t j = whole; j < columns; j++)
    for (int64_t row = 0; row < ROWS; row++)
      tile[(size_t)position[j] * ROWS + row] = row < rows ? weights[row * columns + j] : 0;
  if (problem->curvature)
    for (int64_t j = 0; j < columns; j++)
      if (problem->curvature[j] == 0) memset(tile + (size_t)position[j] * ROWS, 0, ROWS * sizeof(float));
  memset(tile + (size_t)columns * ROWS, 0, (size_t)(problem->stride - columns) * ROWS * sizeof(float));
}

static void store_codes(const RowProblem *problem, const uint8_t *codes, int64_t rows, uint8_t *target) {
  const int64_t columns = problem->columns, whole = columns / 16 * 16;
  const int32_t *position = problem->position;
  for (int64_t j = 0; j < whole; j += 16) {
    for (int64_t row = 0; row < rows; row += 16) {
      Bytes v[16];
      for (int i = 0; i < 16; i++) memcpy(v + i, codes + (size_t)position[j + i] * ROWS + row, 16);
      TRANSPOSE(Bytes, 16, v, ZIP16_LOW, ZIP16_HIGH)
      for (int i = 0; i < 16 && row + i < rows; i++) memcpy(target + (row + i) * columns + j, v + i, 16);
    }
  }
  for (int64_t row = 0; row < rows; row++)
    for (int64_t j = whole; j < columns; j++)
      target[row * columns + j] = codes[(size_t)position[j] * ROWS + row];
}

// The number of steps from zero to the nearest point of the grid: w / scale rounded, half to even, in the range. The
// division is correctly rounded, so a code can differ from that of exact arithmetic only where w / scale is within
// half a unit of its last place of a tie.
INLINE vf quantize(vf w, vf scale, vf low, vf high, uint8_t *code) {
  const vf t = smaller(larger(w / scale, low), high) + ROUNDER;
  const vb byte = __builtin_convertvector(__builtin_bit_cast(vu, t - low) & 0xFFu, vb);
  memcpy(code, &byte, sizeof byte);
  return t - ROUNDER;
}

// The diagonal block of U with zeros below it and around it, and the reciprocals of its diagonal.
static void copy_diagonal_block(const RowProblem *problem, int64_t first, int64_t count, float *block,
                                float *reciprocals) {
  memset(block, 0, BLOCK * BLOCK * sizeof(float));
  memset(reciprocals, 0, BLOCK * sizeof(float));
  for (int64_t k = 0; k < count; k++) {
    const int64_t row = first + k;
    const float *u = problem->inverse + (row * problem->columns - row * (row - 1) / 2);
    memcpy(block + k * BLOCK + k, u, (size_t)(count - k) * sizeof(float));
    reciprocals[k] = 1 / u[0];
  }
}

// Columns column ..< columns of U, fewer than a panel, in the rows of the block, with zeros behind the last.
static void pack_tail(const RowProblem *problem, int64_t first, int64_t count, int64_t column, float *tail) {
  memset(tail, 0, BLOCK * PANEL * sizeof(float));
  for (int64_t k = 0; k < count; k++) {
    const int64_t row = first + k;
    const float *u = problem->inverse + (row * problem->columns - row * (row - 1) / 2) + (column - row);
    memcpy(tail + k * PANEL, u, (size_t)(problem->columns - column) * sizeof(float));
  }
}

// Solves one block of one tile: `t` is the block's first column, `e` receives its errors.
INLINE void solve_block(const RowProblem *problem, float *t, float *e, const float *block, const float *reciprocals,
                        int64_t first, int64_t count, const float *scales, const float *lows, uint8_t *codes,
                        vd *losses, const int quantizes) {
  for (int64_t i = 0; i < count; i += SUB) {
    // Brings SUB columns up to date: t[i + x] -= sum over k < i of e[k] U[k, i + x]
    vf s[SUB][VECTORS];
    for (int v = 0; v < VECTORS; v += BLOCK_VECTORS) {
      vf a[SUB][BLOCK_VECTORS];
#pragma clang loop unroll(full)
      for (int x = 0; x < SUB; x++)
#pragma clang loop unroll(full)
        for (int y = 0; y < BLOCK_VECTORS; y++) a[x][y] = load(t + (i + x) * ROWS + (v + y) * LANES);
      for (int64_t k = 0; k < i; k++) {
        vf error[BLOCK_VECTORS];
#pragma clang loop unroll(full)
        for (int y = 0; y < BLOCK_VECTORS; y++) error[y] = load(e + k * ROWS + (v + y) * LANES);
#pragma clang loop unroll(full)
        for (int x = 0; x < SUB; x++) {
          const vf u = splat(block[k * BLOCK + i + x]);
#pragma clang loop unroll(full)
          for (int y = 0; y < BLOCK_VECTORS; y++) a[x][y] = sub_product(error[y], u, a[x][y]);
        }
      }
#pragma clang loop unroll(full)
      for (int x = 0; x < SUB; x++)
#pragma clang loop unroll(full)
        for (int y = 0; y < BLOCK_VECTORS; y++) s[x][v + y] = a[x][y];
    }
    // Quantizes them one after the other; the vectors of a tile hide each other's latencies.
#pragma clang loop unroll(full)
    for (int x = 0; x < SUB; x++) {
      const int64_t k = i + x;
      const vf reciprocal = splat(reciprocals[k]);
      const float *scale = NULL, *low = NULL;
      if (quantizes) {
        const int64_t column = first + k < problem->columns ? problem->order[first + k] : 0;
        const int64_t group = column / problem->group_size;
        scale = scales + group * ROWS;
        low = lows + group * ROWS;
      }
      vf error[VECTORS];
#pragma clang loop unroll(full)
      for (int v = 0; v < VECTORS; v++) {
        vf rest = s[x][v];
        if (quantizes) {
          const vf step = load(scale + v * LANES), least = load(low + v * LANES);
          const vf q = quantize(rest, step, least, least + (float)problem->largest_code, codes + k * ROWS + v * LANES);
          rest = sub_product(q, step, rest);
        }
        error[v] = rest * reciprocal;
        store(e + k * ROWS + v * LANES, error[v]);
        const vd exact = __builtin_convertvector(error[v], vd);
        losses[v] = ADD_SQUARE(exact, losses[v]);
      }
#pragma clang loop unroll(full)
      for (int z = x + 1; z < SUB; z++) {
        const vf u = splat(block[k * BLOCK + i + z]);
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; v++) s[z][v] = sub_product(error[v], u, s[z][v]);
      }
    }
  }
}

// t[x] -= sum over k of e[k] u[k][x] for PANEL columns of one tile: PANEL_WIDTH columns times two vectors at a time,
// which fills the registers. Sums start at zero, so that t is only needed at the end. U is read where it is: its next
// row starts `step` behind this one, and a packed row is `shrink` shorter than the row above it.
INLINE void update_panel(float *t, const float *e, const float *panel, int64_t count, int64_t step, int64_t shrink) {
  for (int x = 0; x < PANEL; x++) {
    __builtin_prefetch(t + x * ROWS, 1);
    __builtin_prefetch(t + x * ROWS + 16, 1);
  }
  for (int v = 0; v < ROWS; v += 2 * LANES) {
    for (int first = 0; first < PANEL; first += PANEL_WIDTH) {
      vf a[PANEL_WIDTH][2];
#pragma clang loop unroll(full)
      for (int x = 0; x < PANEL_WIDTH; x++) a[x][0] = a[x][1] = splat(0);
      const float *error = e + v, *u = panel + first;
      int64_t next = step;
      for (int64_t k = 0; k < count; k++, error += ROWS, u += next, next -= shrink) {
        const vf e0 = load(error), e1 = load(error + LANES);
        __builtin_prefetch(u + 2 * PANEL - 1);  // the next panel's part of this row
#pragma clang loop unroll(full)
        for (int x = 0; x < PANEL_WIDTH; x++) {
          vf factor = splat(u[x]);
#ifdef BROADCAST_CONSTRAINT
          // Kept in a register: as a memory operand it would be loaded twice.
          __asm__("" : BROADCAST_CONSTRAINT(factor));
#endif
          a[x][0] = add_product(e0, factor, a[x][0]);
          a[x][1] = add_product(e1, factor, a[x][1]);
        }
      }
#pragma clang loop unroll(full)
      for (int x = 0; x < PANEL_WIDTH; x++) {
        float *target = t + (first + x) * ROWS + v;
        store(target, load(target) - a[x][0]);
        store(target + LANES, load(target + LANES) - a[x][1]);
      }
    }
  }
}

#include "SearchBody.h"

INLINE void sweep(const RowProblem *problem, float *tiles, int64_t tile_count, const float *scales, const float *lows,
                  uint8_t *codes, double *losses, float *scratch, const int quantizes) {
  const int64_t columns = problem->columns;
  const size_t tile_size = (size_t)problem->stride * ROWS;
  const int64_t grids = problem->groups * ROWS;
  float *block = scratch, *reciprocals = block + BLOCK * BLOCK, *errors = reciprocals + BLOCK;
  float *tail = errors + (tile_count < TILE_GROUP ? tile_count : TILE_GROUP) * BLOCK * ROWS;
  memset(losses, 0, (size_t)tile_count * ROWS * sizeof(double));
  for (int64_t first = 0; first < columns; first += BLOCK) {
    const int64_t count = columns - first < BLOCK ? columns - first : BLOCK;
    const int64_t next = first + count;
    copy_diagonal_block(problem, first, count, block, reciprocals);
    const int64_t whole = next + (columns - next) / PANEL * PANEL;  // where the last, incomplete panel starts
    if (whole < columns) pack_tail(problem, first, count, whole, tail);
    const float *u = problem->inverse + (first * columns - first * (first - 1) / 2) - first;
    for (int64_t group = 0; group < tile_count; group += TILE_GROUP) {
      const int64_t end = group + TILE_GROUP < tile_count ? group + TILE_GROUP : tile_count;
      for (int64_t i = group; i < end; i++) {
        const size_t start = i * tile_size + (size_t)first * ROWS;
        vd sums[VECTORS];
        memcpy(sums, losses + i * ROWS, sizeof sums);
        if (quantizes && problem->beams > 1) {
          search_block(problem, tiles + start, errors + (i - group) * BLOCK * ROWS, block, reciprocals, first, count,
                       scales + i * grids, lows + i * grids, codes + start, losses + i * ROWS);
          continue;
        }
        solve_block(problem, tiles + start, errors + (i - group) * BLOCK * ROWS, block, reciprocals, first, count,
                    quantizes ? scales + i * grids : NULL, quantizes ? lows + i * grids : NULL,
                    quantizes ? codes + start : NULL, sums, quantizes);
        memcpy(losses + i * ROWS, sums, sizeof sums);
      }
      for (int64_t j = next; j < columns; j += PANEL)
        for (int64_t i = group; i < end; i++)
          update_panel(tiles + i * tile_size + (size_t)j * ROWS, errors + (i - group) * BLOCK * ROWS,
                       j < whole ? u + j : tail, count, j < whole ? columns - first - 1 : PANEL, j < whole);
    }
  }
}

static void solve(const RowProblem *problem, float *tiles, int64_t tile_count, const float *scales, const float *lows,
                  uint8_t *codes, double *losses, float *scratch) {
  sweep(problem, tiles, tile_count, scales, lows, codes, losses, scratch, 1);
}

static void quadratic_form(const RowProblem *problem, float *tiles, int64_t tile_count, double *forms,
                           float *scratch) {
  sweep(problem, tiles, tile_count, NULL, NULL, NULL, forms, scratch, 0);
}

static void round_tile(const RowProblem *problem, float *tile, const float *scales, const float *lows, uint8_t *codes,
                       double *squares, double *energies) {
  vd square[VECTORS], energy[VECTORS];
  for (int v = 0; v < VECTORS; v++) square[v] = energy[v] = (vd)(0.0);
  for (int64_t k = 0; k < problem->columns; k++) {
    const int64_t group = problem->order[k] / problem->group_size;
    for (int v = 0; v < VECTORS; v++) {
      float *target = tile + k * ROWS + v * LANES;
      const vf w = load(target), scale = load(scales + group * ROWS + v * LANES);
      const vf low = load(lows + group * ROWS + v * LANES);
      const vf q = quantize(w, scale, low, low + (float)problem->largest_code, codes + k * ROWS + v * LANES);
      const vf rest = sub_product(q, scale, w);
      store(target, rest);
      const vd exact_rest = __builtin_convertvector(rest, vd), exact_w = __builtin_convertvector(w, vd);
      square[v] = ADD_SQUARE(exact_rest, square[v]);
      energy[v] = ADD_SQUARE(exact_w, energy[v]);
    }
  }
  memcpy(squares, square, sizeof square);
  memcpy(energies, energy, sizeof energy);
}
