// Four lanes exist everywhere (SSE2, NEON). Nothing is fused, so this set gives the same bits on every processor.
#define LANES 4
#define FUSED 0
#define PANEL_WIDTH 6
#define BLOCK_VECTORS 1
#define TABLE kernels_row_portable
#define TILE_TABLE kernels_tile_portable
#define MICRO_ROWS 4
#define NAME "portable"
#include "RowKernelsBody.h"
