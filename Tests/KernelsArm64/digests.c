// Runs all kernels of every instruction set of this processor on the same random problems and prints, per set, a hash
// of all that they return: lines that are equal are equal bit for bit.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

enum { rows = 67, tiles = (rows + kernels_tile_rows - 1) / kernels_tile_rows, shrinks = 80 };

static uint64_t state;

static uint32_t next(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 33);
}

// Uniform in -1 ..< 1; exact, so the same on every processor.
static float number(void) { return ((float)(next() >> 7) - 8388608.0f) * 0x1p-23f; }

static uint64_t hash(uint64_t seed, const void *bytes, size_t count) {
  const unsigned char *p = bytes;
  while (count--) seed = (seed ^ *p++) * 1099511628211u;
  return seed;
}

static void *memory(size_t bytes) {
  void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (!p) {
    fprintf(stderr, "no memory for %zu bytes\n", bytes);
    exit(2);
  }
  memset(p, 0, (bytes + 63) / 64 * 64);
  return p;
}

typedef struct {
  uint64_t load, grids, errors, solve, search, form, round, store;
} Digests;

static void run(const RowKernels *kernels, const RowProblem *problem, const float *weights, Digests *d) {
  const size_t tile = (size_t)problem->stride * kernels_tile_rows, grid = (size_t)problem->groups * kernels_tile_rows;
  const size_t candidates = (size_t)problem->shrink_count * (size_t)problem->offset_count;
  float *const t = memory(tiles * tile * sizeof *t), *const scales = memory(tiles * grid * sizeof *scales);
  float *const lows = memory(tiles * grid * sizeof *lows);
  uint8_t *const codes = memory(tiles * tile), *const target = memory((size_t)(rows * problem->columns));
  double *const sums = memory(2 * tiles * kernels_tile_rows * sizeof *sums), *const errors = memory(candidates * 8);
  const size_t solve_scratch = kernels_solve_scratch(tiles), grid_scratch = kernels_grid_scratch(problem->columns);
  float *const scratch = memory((solve_scratch > grid_scratch ? solve_scratch : grid_scratch) * sizeof *scratch);
  const size_t row_sums = tiles * kernels_tile_rows * sizeof *sums;

#define LOAD                                                                                            \
  for (int64_t i = 0; i < tiles; i++)                                                                   \
    kernels->load(problem, weights + i * kernels_tile_rows * problem->columns,                          \
                  i + 1 < tiles ? kernels_tile_rows : rows - i * kernels_tile_rows, t + (size_t)i * tile);
#define STORE                                                                                           \
  for (int64_t i = 0; i < tiles; i++)                                                                   \
    kernels->store(problem, codes + (size_t)i * tile,                                                   \
                   i + 1 < tiles ? kernels_tile_rows : rows - i * kernels_tile_rows,                    \
                   target + i * kernels_tile_rows * problem->columns);                                  \
  d->store = hash(d->store, target, (size_t)(rows * problem->columns));

  LOAD
  d->load = hash(d->load, t, tiles * tile * sizeof *t);
  for (size_t i = 0; i < tiles; i++) {
    kernels->find_grids(problem, t + i * tile, scales + i * grid, lows + i * grid, scratch);
    kernels->grid_errors(problem, t + i * tile, 0.03125f, -3, errors, scratch);
  }
  d->grids = hash(hash(d->grids, scales, tiles * grid * sizeof *scales), lows, tiles * grid * sizeof *lows);
  d->errors = hash(d->errors, errors, candidates * sizeof *errors);
  kernels->solve(problem, t, tiles, scales, lows, codes, sums, scratch);
  d->solve = hash(d->solve, sums, row_sums);
  STORE
  RowProblem searched = *problem;
  for (searched.beams = 8; searched.beams <= 32; searched.beams += 24) {
    LOAD
    kernels->solve(&searched, t, tiles, scales, lows, codes, sums, scratch);
    d->search = hash(d->search, sums, row_sums);
    STORE
  }
  LOAD
  kernels->quadratic_form(problem, t, tiles, sums, scratch);
  d->form = hash(d->form, sums, row_sums);
  LOAD
  for (size_t i = 0; i < tiles; i++)
    kernels->round(problem, t + i * tile, scales + i * grid, lows + i * grid, codes + i * tile,
                   sums + i * kernels_tile_rows, sums + (tiles + i) * kernels_tile_rows);
  d->round = hash(d->round, sums, 2 * row_sums);
  STORE
  free(t), free(scales), free(lows), free(codes), free(target), free(sums), free(errors), free(scratch);
}

// One problem: U with a strong diagonal, a random order, one dead column in sixteen.
static void problem(const RowKernels *kernels, int columns, int group, int bits, int scale_type, int search, Digests *d) {
  state = (uint64_t)columns;
  float shrink[shrinks];
  const float offsets[3] = {0, -1, 1};
  for (int i = 0; i < shrinks; i++) shrink[i] = 1 - (float)i * 0.0078125f;
  const size_t count = (size_t)columns;
  float *const u = memory(count * (count + 1) / 2 * sizeof *u), *const curvature = memory(count * sizeof *curvature);
  float *const weights = memory(rows * count * sizeof *weights);
  int32_t *const order = memory(count * sizeof *order), *const position = memory(count * sizeof *position);
  for (int k = 0, i = 0; k < columns; k++) {
    u[i++] = 1.5f + number() * 0.5f;
    for (int j = k + 1; j < columns; j++) u[i++] = number() * 0.125f;
  }
  for (int k = 0; k < columns; k++) {
    const int other = (int)(next() % (uint32_t)(k + 1));
    order[k] = order[other];
    order[other] = k;
  }
  for (int k = 0; k < columns; k++) position[order[k]] = k;
  for (int k = 0; k < columns; k++) curvature[k] = next() % 16 == 0 ? 0 : number() + 1.5f;
  for (size_t i = 0; i < rows * count; i++) weights[i] = number() * number();
  const RowProblem p = {
      .columns = columns, .stride = kernels_tile_stride(columns), .group_size = group,
      .groups = (columns + group - 1) / group, .largest_code = (1 << bits) - 1, .symmetric = bits == 8,
      .scale_type = scale_type, .search = search, .beams = 1, .shrink_count = search == kernels_search_minmax ? 1 : shrinks,
      .offset_count = search == kernels_search_curvature && bits <= 3 ? 3 : 1, .shrink = shrink, .offsets = offsets,
      .inverse = u, .order = order, .position = position, .curvature = curvature};
  run(kernels, &p, weights, d);
  free(u), free(curvature), free(weights), free(order), free(position);
}

int main(void) {
  for (int32_t set = 0; set < kernels_instruction_set_count(); set++) {
    const RowKernels *const kernels = kernels_row_kernels(set);
    if (!kernels) continue;
    Digests d = {1, 1, 1, 1, 1, 1, 1};
    problem(kernels, 1, 1, 4, kernels_scale_float32, kernels_search_minmax, &d);
    problem(kernels, 9, 4, 2, kernels_scale_float16, kernels_search_curvature, &d);
    problem(kernels, 31, 31, 3, kernels_scale_bfloat16, kernels_search_l24, &d);
    problem(kernels, 150, 64, 8, kernels_scale_float16, kernels_search_l24, &d);
    problem(kernels, 281, 281, 4, kernels_scale_float32, kernels_search_curvature, &d);
    const double large = 0x1p40;
    int64_t sums[4] = {0};
    const float values[4] = {0.1f, -0.7f, 3e-5f, 1.25f};
    kernels_add_scaled(sums, values, 4, large);
    d.store = hash(d.store, sums, sizeof sums);
    printf("%s load %016llx grids %016llx errors %016llx solve %016llx search %016llx form %016llx round %016llx store %016llx\n",
           kernels->name, (unsigned long long)d.load, (unsigned long long)d.grids, (unsigned long long)d.errors,
           (unsigned long long)d.solve, (unsigned long long)d.search,
           (unsigned long long)d.form, (unsigned long long)d.round, (unsigned long long)d.store);
  }
  return 0;
}
