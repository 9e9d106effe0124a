#include "RowKernels.h"
#include "TileKernels.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
extern const RowKernels kernels_row_v4, kernels_row_v3;
extern const TileKernels kernels_tile_v4, kernels_tile_v3;
#elif defined(__aarch64__)
extern const RowKernels kernels_row_neon;
extern const TileKernels kernels_tile_neon;
#endif
extern const RowKernels kernels_row_portable;
extern const TileKernels kernels_tile_portable;

static const RowKernels *const all[] = {
#if defined(__x86_64__)
    &kernels_row_v4,
    &kernels_row_v3,
#elif defined(__aarch64__)
    &kernels_row_neon,
#endif
    &kernels_row_portable,
};

static const TileKernels *const tiles[] = {
#if defined(__x86_64__)
    &kernels_tile_v4,
    &kernels_tile_v3,
#elif defined(__aarch64__)
    &kernels_tile_neon,
#endif
    &kernels_tile_portable,
};

static int has(const RowKernels *kernels) {
#if defined(__x86_64__)
  if (kernels == &kernels_row_v4)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
  if (kernels == &kernels_row_v3) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return 1;
}

int32_t kernels_instruction_set_count(void) { return sizeof all / sizeof *all; }

const RowKernels *kernels_row_kernels(int32_t instruction_set) {
  if (instruction_set < 0 || instruction_set >= kernels_instruction_set_count()) return NULL;
  return has(all[instruction_set]) ? all[instruction_set] : NULL;
}

const TileKernels *kernels_tile_kernels(int32_t instruction_set) {
  return kernels_row_kernels(instruction_set) ? tiles[instruction_set] : NULL;
}

int32_t kernels_best_instruction_set(void) {
  const char *wanted = getenv("RANKWISE_INSTRUCTION_SET");
  const int32_t count = kernels_instruction_set_count();
  if (wanted)
    for (int32_t i = 0; i < count; i++)
      if (has(all[i]) && strcmp(all[i]->name, wanted) == 0) return i;
  for (int32_t i = 0; i < count; i++)
    if (has(all[i])) return i;
  return count - 1;
}

const char *kernels_instruction_set(void) { return all[kernels_best_instruction_set()]->name; }

size_t kernels_solve_scratch(int64_t tiles) {
  const size_t block = kernels_block_columns;
  const size_t group = tiles < kernels_tile_group ? (size_t)tiles : kernels_tile_group;
  return block * block + block + group * block * kernels_tile_rows + block * kernels_panel_columns;
}

size_t kernels_refine_scratch(int64_t columns) {
  return (size_t)kernels_hessian_pitch(columns) * (2 * kernels_tile_rows + 1);
}

size_t kernels_grid_scratch(int64_t group_size) { return (size_t)group_size * (16 + 1 + 1); }

size_t kernels_obq_inverse(int64_t columns) {
  const size_t macros = ((size_t)columns + kernels_obq_macro_rows - 1) / kernels_obq_macro_rows;
  return macros * (macros + 1) / 2 * kernels_obq_macro_rows * kernels_obq_macro_rows;
}

size_t kernels_obq_scratch(int64_t columns, int64_t block) {
  const size_t macro = kernels_obq_macro_rows, positions = ((size_t)columns + macro - 1) / macro * macro;
  return positions * (size_t)block + macro * (size_t)block + 10 * positions;
}
