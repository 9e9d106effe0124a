// NEON is part of arm64's baseline. 32 registers hold 12 x 2 sums, two errors and a factor.
#if defined(__aarch64__)
#define LANES 4
#define FUSED 1
#define PANEL_WIDTH 12
#define BLOCK_VECTORS 2
#define TABLE kernels_row_neon
#define TILE_TABLE kernels_tile_neon
#define MICRO_ROWS 8
#define NAME "arm64-neon"
#include "RowKernelsBody.h"
#endif
