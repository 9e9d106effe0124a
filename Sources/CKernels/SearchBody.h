// Part of RowKernelsBody.h: the K-best search of one block of one tile.
//
// Instead of one rounding of a row's columns it follows the K cheapest ones (`beams`): at each column every beam
// branches to the two grid points around its value, and of the 2 K prefixes the K with the smallest sum of e^2 go on. At
// the end of the block the cheapest beam wins, and only its errors reach the columns behind the block. (The M-algorithm
// of sequence detection; for lattices, K-best sphere decoding.)
//
// Beams lie in SIMD lanes: SEARCH_LANES lanes hold SEARCH_LANES / K rows of K beams each. Rows never mix.

#define SEARCH_LANES 32

typedef float bf __attribute__((ext_vector_type(SEARCH_LANES)));
typedef int32_t bi __attribute__((ext_vector_type(SEARCH_LANES)));
typedef uint32_t bu __attribute__((ext_vector_type(SEARCH_LANES)));
typedef uint8_t bb __attribute__((ext_vector_type(SEARCH_LANES)));

// Vectors this wide are passed by address: not every instruction set can pass them by value.

// to[lane] = from[index[lane]]; an index lies in the same run of `span` lanes as its lane.
INLINE void permute(bf *to, const bf *from, const bi *index, const int span) {
#if defined(SEARCH_PERMUTE)
  SEARCH_PERMUTE(to, from, index, span)
#else
  (void)span;
  bf result;
  for (int lane = 0; lane < SEARCH_LANES; lane++) result[lane] = (*from)[(*index)[lane]];
  *to = result;
#endif
}

#define LANES_XOR(d)                                                                                                  \
  0 ^ d, 1 ^ d, 2 ^ d, 3 ^ d, 4 ^ d, 5 ^ d, 6 ^ d, 7 ^ d, 8 ^ d, 9 ^ d, 10 ^ d, 11 ^ d, 12 ^ d, 13 ^ d, 14 ^ d,        \
      15 ^ d, 16 ^ d, 17 ^ d, 18 ^ d, 19 ^ d, 20 ^ d, 21 ^ d, 22 ^ d, 23 ^ d, 24 ^ d, 25 ^ d, 26 ^ d, 27 ^ d, 28 ^ d, \
      29 ^ d, 30 ^ d, 31 ^ d

// One step of a bitonic sort of runs of lanes: lanes whose bit `d` differs are compared; runs of `k` alternate in
// direction, and the whole descends where `descends` is -1.
#define SORT_STEP(keys, k, d)                                                                        \
  {                                                                                                  \
    const bi other = __builtin_shufflevector(keys, keys, LANES_XOR(d));                              \
    const bi takes_smaller = (((slot & d) == 0) == ((slot & k) == 0)) ^ (bi)(descends);              \
    const bi smaller_first = keys < other;                                                           \
    keys = (smaller_first == takes_smaller) ? keys : other;                                          \
  }

// Sorts each run of K keys.
INLINE void sort_keys(bi *pointer, const bi *slots, const int K, const int descends) {
  bi keys = *pointer;
  const bi slot = *slots;
  SORT_STEP(keys, 2, 1)
  SORT_STEP(keys, 4, 2)
  SORT_STEP(keys, 4, 1)
  SORT_STEP(keys, 8, 4)
  SORT_STEP(keys, 8, 2)
  SORT_STEP(keys, 8, 1)
  if (K >= 16) {
    SORT_STEP(keys, 16, 8)
    SORT_STEP(keys, 16, 4)
    SORT_STEP(keys, 16, 2)
    SORT_STEP(keys, 16, 1)
  }
  if (K >= 32) {
    SORT_STEP(keys, 32, 16)
    SORT_STEP(keys, 32, 8)
    SORT_STEP(keys, 32, 4)
    SORT_STEP(keys, 32, 2)
    SORT_STEP(keys, 32, 1)
  }
  *pointer = keys;
}

// What a search remembers of every column of a block, to find the winner's path.
typedef struct {
  float errors[BLOCK][SEARCH_LANES] __attribute__((aligned(64)));
  uint8_t codes[BLOCK][SEARCH_LANES] __attribute__((aligned(64)));
  uint8_t parents[BLOCK][SEARCH_LANES] __attribute__((aligned(64)));
  float values[BLOCK][SEARCH_LANES] __attribute__((aligned(64)));
} SearchMemory;

INLINE void load_lanes(bf *to, const float *from) { memcpy(to, from, sizeof *to); }

// Searches SEARCH_LANES / K rows, the first of them `row` of the tile.
INLINE void search_rows(const RowProblem *problem, const float *t, float *e, const float *block,
                        const float *reciprocals, int64_t first, int64_t count, const float *scales,
                        const float *lows, uint8_t *codes, int row, SearchMemory *memory, const int K) {
  bi lane;
  for (int i = 0; i < SEARCH_LANES; i++) lane[i] = i;
  // The beams of a run sit in K lanes, `slot` counts them; `source` is the row of a lane.
  const bi slot = lane & (K - 1), run = lane - slot, source = lane / K + row;
  for (int64_t k = 0; k < count; k++) {
    bf value;
    load_lanes(&value, t + k * ROWS);
    permute(&value, &value, &source, SEARCH_LANES);
    memcpy(memory->values[k], &value, sizeof value);
  }
  bf cost = slot == 0 ? (bf)(0.0f) : (bf)(__builtin_inff());
  bf scale, low, high, unit;
  int64_t group = -1;
  for (int64_t k = 0; k < count; k++) {
    const int64_t current = problem->order[first + k] / problem->group_size;
    if (current != group) {
      group = current;
      load_lanes(&scale, scales + group * ROWS);
      permute(&scale, &scale, &source, SEARCH_LANES);
      load_lanes(&low, lows + group * ROWS);
      permute(&low, &low, &source, SEARCH_LANES);
      high = low + (float)problem->largest_code;
      // Costs are in units of a step, so that no square overflows.
      if (k == 0) unit = 1.0f / scale;
    }
    bf x;
    load_lanes(&x, memory->values[k]);
    bf t0 = x / scale;
    t0 = t0 > low ? t0 : low;
    t0 = t0 < high ? t0 : high;
    const bf near = (t0 + ROUNDER) - ROUNDER;
    // The point on the other side, or the one inside where the value is at the end of the grid.
    bf far = t0 > near ? near + 1.0f : near - 1.0f;
    far = far > high ? near - 1.0f : far;
    far = far < low ? near + 1.0f : far;
    const bf reciprocal = (bf)(reciprocals[k]);
    const bf error0 = SUB_PRODUCT(near, scale, x) * reciprocal, error1 = SUB_PRODUCT(far, scale, x) * reciprocal;
    const bf steps0 = error0 * unit, steps1 = error1 * unit;
    const bf cost0 = ADD_SQUARE(steps0, cost), cost1 = ADD_SQUARE(steps1, cost);

    // Positive floats are in the order of their bits, whose last six give way to the number of the branch.
    bi keys0 = (__builtin_bit_cast(bi, cost0) & ~63) | slot, keys1 = (__builtin_bit_cast(bi, cost1) & ~63) | (slot + K);
    sort_keys(&keys0, &slot, K, 0);
    sort_keys(&keys1, &slot, K, -1);
    // One ascends and one descends: the smaller of each pair are the K smallest of all.
    const bi selected = keys0 < keys1 ? keys0 : keys1;
    const bi parent = (selected & (K - 1)) + run, takes_far = (selected & K) != 0;

    bf chosen0, chosen1;
    permute(&chosen0, &cost0, &parent, K);
    permute(&chosen1, &cost1, &parent, K);
    cost = takes_far ? chosen1 : chosen0;
    permute(&chosen0, &near, &parent, K);
    permute(&chosen1, &far, &parent, K);
    const bf code = takes_far ? chosen1 : chosen0;
    permute(&chosen0, &error0, &parent, K);
    permute(&chosen1, &error1, &parent, K);
    const bf error = takes_far ? chosen1 : chosen0;
    const bf shifted = (code + ROUNDER) - low;
    const bb bytes = __builtin_convertvector(__builtin_bit_cast(bu, shifted) & 0xFFu, bb);
    const bb parents = __builtin_convertvector(__builtin_bit_cast(bu, parent), bb);
    memcpy(memory->codes[k], &bytes, sizeof bytes);
    memcpy(memory->parents[k], &parents, sizeof parents);
    memcpy(memory->errors[k], &error, sizeof error);

    // w[later] -= e U[k, later], each beam from the values of its parent.
    const float *u = block + k * BLOCK;
    for (int64_t later = k + 1; later < count; later++) {
      bf value;
      load_lanes(&value, memory->values[later]);
      permute(&value, &value, &parent, K);
      const bf factor = (bf)(u[later]);
      value = SUB_PRODUCT(error, factor, value);
      memcpy(memory->values[later], &value, sizeof value);
    }
  }
  for (int r = 0; r < SEARCH_LANES / K; r++) {
    int best = r * K;
    for (int i = best + 1; i < (r + 1) * K; i++) best = cost[i] < cost[best] ? i : best;
    for (int64_t k = count - 1; k >= 0; k--) {
      e[k * ROWS + row + r] = memory->errors[k][best];
      codes[k * ROWS + row + r] = memory->codes[k][best];
      best = memory->parents[k][best];
    }
  }
}

INLINE void search_rows_of(const RowProblem *problem, const float *t, float *e, const float *block,
                           const float *reciprocals, int64_t first, int64_t count, const float *scales,
                           const float *lows, uint8_t *codes, vd *losses, SearchMemory *memory, const int K) {
  for (int row = 0; row < ROWS; row += SEARCH_LANES / K)
    search_rows(problem, t, e, block, reciprocals, first, count, scales, lows, codes, row, memory, K);
  for (int64_t k = 0; k < count; k++)
    for (int v = 0; v < VECTORS; v++) {
      const vd exact = __builtin_convertvector(load(e + k * ROWS + v * LANES), vd);
      losses[v] = ADD_SQUARE(exact, losses[v]);
    }
}

static __attribute__((noinline)) void search_block(const RowProblem *problem, const float *t, float *e,
                                                   const float *block, const float *reciprocals, int64_t first,
                                                   int64_t count, const float *scales, const float *lows,
                                                   uint8_t *codes, double *sums) {
  SearchMemory memory;
  vd losses[VECTORS];
  memcpy(losses, sums, sizeof losses);
  if (problem->beams <= 8)
    search_rows_of(problem, t, e, block, reciprocals, first, count, scales, lows, codes, losses, &memory, 8);
  else
    search_rows_of(problem, t, e, block, reciprocals, first, count, scales, lows, codes, losses, &memory, 32);
  memcpy(sums, losses, sizeof losses);
}
