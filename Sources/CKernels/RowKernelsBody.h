// The kernels of RowKernels.h and TileKernels.h for one instruction set. Included once per set, with
//   LANES            floats per vector
//   FUSED            whether a * b + c is one instruction
//   PANEL_WIDTH      columns of the trailing micro-kernel; divides 12
//   BLOCK_VECTORS    vectors held side by side while a block is brought up to date
//   MICRO_ROWS       rows of the micro-tile of a factorization; divides 24
//   TABLE, TILE_TABLE, NAME      the tables to define
// All sums run over columns in the same order in every set, so sets that fuse agree bit for bit.
#include <string.h>

#include "RowKernels.h"
#include "TileKernels.h"

#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))
#define ROWS kernels_tile_rows
#define VECTORS (ROWS / LANES)

typedef float vf __attribute__((ext_vector_type(LANES)));
typedef double vd __attribute__((ext_vector_type(LANES)));
typedef int32_t vi __attribute__((ext_vector_type(LANES)));
typedef uint32_t vu __attribute__((ext_vector_type(LANES)));
typedef uint8_t vb __attribute__((ext_vector_type(LANES)));

INLINE vf load(const float *p) {
  vf v;
  memcpy(&v, p, sizeof v);
  return v;
}
INLINE void store(float *p, vf v) { memcpy(p, &v, sizeof v); }
INLINE vf splat(float x) { return (vf)(x); }
INLINE vf larger(vf a, vf b) { return a > b ? a : b; }
INLINE vf smaller(vf a, vf b) { return a < b ? a : b; }
INLINE int any(vi mask) { return __builtin_reduce_or(mask) != 0; }

// a * b + c and c - a * b, and as macros a^2 + c and c - a * b for vectors too wide to be arguments everywhere
#if FUSED
INLINE vf add_product(vf a, vf b, vf c) { return __builtin_elementwise_fma(a, b, c); }
INLINE vf sub_product(vf a, vf b, vf c) { return __builtin_elementwise_fma(-a, b, c); }
#define ADD_SQUARE(a, c) __builtin_elementwise_fma(a, a, c)
#define SUB_PRODUCT(a, b, c) __builtin_elementwise_fma(-(a), b, c)
#else
INLINE vf add_product(vf a, vf b, vf c) { return a * b + c; }
INLINE vf sub_product(vf a, vf b, vf c) { return c - a * b; }
#define ADD_SQUARE(a, c) ((a) * (a) + (c))
#define SUB_PRODUCT(a, b, c) ((c) - (a) * (b))
#endif

// Adding 1.5 * 2^23 to a float of at most 2^22 leaves no place for a fraction: it rounds, half to even.
#define ROUNDER 12582912.0f

#include "GridSearchBody.h"
#include "RowSolveBody.h"
#include "OBQBody.h"
#include "RefineBody.h"

const RowKernels TABLE = {NAME, load_tile, find_grids, grid_errors, solve, quadratic_form, round_tile, store_codes,
                          make_inverse, obq, subtract_codes, normal_equations, descend};

#include "TileKernelsBody.h"
