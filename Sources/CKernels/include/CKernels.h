// Hot loops in C. Each file has one body per instruction set and a table chosen at run time.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "Allocator.h"
#include "ColumnKernels.h"
#include "HessianSums.h"
#include "Pause.h"
#include "RowKernels.h"
#include "TeamBarrier.h"
#include "TileKernels.h"
