#pragma once
#include <stddef.h>
#include <stdint.h>

// Kernels of the row solve. Rows lie side by side in SIMD lanes: a tile is 32 rows, stored column after column
// (`float tile[stride][32]`), its columns in processing order. No arithmetic mixes lanes, so the result of a row does
// not depend on its neighbours, nor on how rows are cut into tiles and calls.

enum { kernels_tile_rows = 32, kernels_block_columns = 128, kernels_panel_columns = 12 };

// Tiles whose errors of one block fit the second-level cache beside a panel of U; more in a call gain nothing.
enum { kernels_tile_group = 16 };

// OBQ: rows of the inverse that are stored together, and downdates that are applied to it at once.
enum { kernels_obq_macro_rows = 96, kernels_obq_block = 64 };

// How the error of a candidate grid is summed: |d|^2.4, or curvature * d^2.
enum { kernels_search_minmax = 0, kernels_search_l24 = 1, kernels_search_curvature = 2 };

// The type to which scales are rounded.
enum { kernels_scale_float32 = 0, kernels_scale_float16 = 1, kernels_scale_bfloat16 = 2 };

typedef struct {
  int64_t columns;
  int64_t stride;              // columns of a tile: kernels_tile_stride(columns); the surplus holds zeros
  int64_t group_size;          // natural columns that share a scale
  int64_t groups;              // per row
  int32_t largest_code;        // 2^bits - 1
  int32_t symmetric;           // zero point 2^(bits - 1) everywhere
  int32_t scale_type;          // kernels_scale_...
  int32_t search;              // kernels_search_...
  int32_t beams;               // roundings of a row that a solve follows: 1, or 8 or 32 by search
  int32_t shrink_count;        // candidates are the min-max range times shrink[i]
  int32_t offset_count;        // ... each with 1 or 3 zero points
  const float *shrink;
  const float *offsets;        // zero points relative to that of the min-max grid
  const float *inverse;        // U, packed upper triangle in processing order; NULL without a Hessian
  const int32_t *order;        // [columns] natural column of a processing position
  const int32_t *position;     // [columns] processing position of a natural column
  const float *curvature;      // [columns] by natural column, zero where a column is dead
} RowProblem;

static inline int64_t kernels_tile_stride(int64_t columns) { return columns + kernels_panel_columns; }

// Floats from one row of a dense Hessian to the next: whole panels and whole vectors.
static inline int64_t kernels_hessian_pitch(int64_t columns) { return (columns + 47) / 48 * 48; }

// Floats of scratch memory for `normal_equations` and `descend`.
size_t kernels_refine_scratch(int64_t columns);

// Floats of scratch memory for `solve` with `tiles` tiles, and for `find_grids`.
size_t kernels_solve_scratch(int64_t tiles);
size_t kernels_grid_scratch(int64_t group_size);

// Floats of the inverse Hessian of one row in OBQ (about columns^2 / 2), and of the scratch memory of `make_inverse`
// and `obq` with `block` downdates at once.
size_t kernels_obq_inverse(int64_t columns);
size_t kernels_obq_scratch(int64_t columns, int64_t block);

typedef struct {
  const char *name;

  // Writes `rows` <= 32 rows (row after row, natural columns) into a tile; dead columns and missing rows become zero.
  void (*load)(const RowProblem *problem, const float *weights, int64_t rows, float *tile);

  // Grids of all groups of a tile: scales[groups][32] and lows[groups][32], the negated zero points. The first of
  // equally good candidates wins.
  void (*find_grids)(const RowProblem *problem, const float *tile, float *scales, float *lows, float *scratch);

  // Adds to errors[shrink_count * offset_count] what each candidate around the given min-max grid loses on a tile.
  void (*grid_errors)(const RowProblem *problem, const float *tile, float base, float low, double *errors,
                      float *scratch);

  // Quantizes all columns of `tiles` tiles with compensation: codes[tiles][stride][32], losses[tiles][32] =
  // sum(e^2). scales and lows are [tiles][groups][32]. Tiles end in an unspecified state.
  void (*solve)(const RowProblem *problem, float *tile, int64_t tiles, const float *scales, const float *lows,
                uint8_t *codes, double *losses, float *scratch);

  // forms[tiles][32] = w H w^T of every row. Tiles end in an unspecified state.
  void (*quadratic_form)(const RowProblem *problem, float *tile, int64_t tiles, double *forms, float *scratch);

  // Quantizes one tile without compensation and leaves w - q in it. squares[32] = sum((w - q)^2), energies[32] =
  // sum(w^2).
  void (*round)(const RowProblem *problem, float *tile, const float *scales, const float *lows, uint8_t *codes,
                double *squares, double *energies);

  // Copies `rows` rows of codes[stride][32] to `target`, row after row in natural column order.
  void (*store)(const RowProblem *problem, const uint8_t *codes, int64_t rows, uint8_t *target);

  // Writes U^T U to `inverse`: the inverse Hessian from which `obq` starts in every row.
  void (*make_inverse)(const RowProblem *problem, int64_t block, float *inverse, float *scratch);

  // Quantizes `rows` rows of one tile by exact OBQ and leaves w - q in it. `shared` is what make_inverse wrote,
  // `inverse` memory of the same size, `block` the number of downdates that are applied at once.
  void (*obq)(const RowProblem *problem, float *tile, int64_t rows, const float *scales, const float *lows,
              const float *shared, int64_t block, float *inverse, uint8_t *codes, float *scratch);

  // tile -= (code - zero point) * scale: w - q where the tile holds w.
  void (*subtract_codes)(const RowProblem *problem, float *tile, const float *scales, const float *lows,
                         const uint8_t *codes);

  // The normal equations of the scales of each row of a tile that holds w: with z_g the steps code - zero point of
  // group g, equations[g][h][32] = z_g H z_h^T for h >= g and equations[g][groups][32] = z_g H w^T. `hessian` is
  // [columns][kernels_hessian_pitch(columns)] in natural order, zeros behind the last column.
  void (*normal_equations)(const RowProblem *problem, const float *hessian, const float *tile, const float *lows,
                           const uint8_t *codes, double *equations, float *scratch);

  // Coordinate descent on the codes of a tile that holds w - q: each code in turn becomes the best of its grid while
  // the others stay, at most `sweeps` times over all columns.
  void (*descend)(const RowProblem *problem, const float *hessian, const float *tile, const float *scales,
                  uint8_t *codes, int64_t sweeps, float *scratch);
} RowKernels;

// Instruction sets from the most capable (0) to the portable one (the last).
int32_t kernels_instruction_set_count(void);

// The kernels of one instruction set; NULL when this CPU lacks it.
const RowKernels *kernels_row_kernels(int32_t instruction_set);

// The most capable instruction set of this CPU; RANKWISE_INSTRUCTION_SET in the environment chooses another by name,
// if the CPU has it.
int32_t kernels_best_instruction_set(void);

// Its name: x86-64-v4, x86-64-v3, arm64-neon or portable.
const char *kernels_instruction_set(void);
