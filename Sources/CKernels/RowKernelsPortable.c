// Four lanes exist everywhere (SSE2, NEON); a fused multiply-add only where the baseline has one.
#define LANES 4
#if defined(__aarch64__) || defined(__ARM_FEATURE_FMA)
#define FUSED 1
#define PANEL_WIDTH 12
#define BLOCK_VECTORS 2
#else
#define FUSED 0
#define PANEL_WIDTH 6
#define BLOCK_VECTORS 1
#endif
#define TABLE kernels_row_portable
#define NAME "portable"
#include "RowKernelsBody.h"
