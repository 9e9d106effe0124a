// Part of RowKernelsBody.h: exact OBQ (arXiv:2208.11580), one row at a time, each with an inverse Hessian of its own.
//
// The free columns of a row have positions. The inverse is the lower triangle of a symmetric matrix over positions:
// MACRO rows make a macro row, which is cut into chunks of MACRO rows x 32 columns, each chunk row after row; macro row
// M has the chunks 0 ..< 3 (M + 1). What lies above the diagonal is never read.
//
// A downdate by one column is a vector v: inverse -= v v^T. Up to `block` of them wait in panels[panel][block][32]
// (32 positions a panel) until the whole inverse is brought up to date by all of them at once; meanwhile the row of the
// inverse that a step needs is brought up to date by itself. The arithmetic is that of one downdate per step.

#define MACRO kernels_obq_macro_rows
#define CHUNK (MACRO * ROWS)
#define MACRO_PANELS (MACRO / ROWS)
#define MACRO_STRIPS (MACRO / PANEL)
#define PANELS_AT_ONCE (LANES / 4)  // panels whose sums fit the registers
#define COMPACTION 8                // finished positions are closed up when they are this share of all

// A row while it is solved. Vectors have one element per position, padded to a multiple of MACRO.
typedef struct {
  float *inverse;
  float *panels;      // [positions / 32][block][32]
  float *strips;      // [MACRO_STRIPS][block][PANEL]
  float *row;         // a row of the inverse
  float *weights;     // compensated so far
  float *diagonal;    // of the inverse, up to date
  float *least;       // 1 / H_jj, below which no diagonal element of an inverse falls
  float *scales;
  float *lows;        // negated zero points
  int32_t *free;      // -1 where the column is free, 0 where it is quantized
  int32_t *columns;   // column in processing order
  int32_t *offsets;   // of the element of a position in its row of the inverse
  int64_t positions;
  int64_t block;
  int64_t waiting;    // vectors in `panels`
} GreedyRow;

INLINE int64_t padded(int64_t count) { return (count + MACRO - 1) / MACRO * MACRO; }

// Element (i, 0) of the inverse; element (i, c) is c / 32 chunks and c % 32 elements further.
INLINE float *inverse_row(float *inverse, int64_t i) {
  const int64_t macro = i / MACRO;
  return inverse + (size_t)(MACRO_PANELS * macro * (macro + 1) / 2) * CHUNK + (i % MACRO) * ROWS;
}
INLINE int64_t inverse_offset(int64_t c) { return c / ROWS * CHUNK + c % ROWS; }

static GreedyRow greedy_row(int64_t columns, int64_t block, float *inverse, float *scratch) {
  const int64_t n = padded(columns);
  GreedyRow row = {.inverse = inverse, .block = block};
  row.panels = scratch;
  row.strips = row.panels + n * block;
  row.row = row.strips + MACRO * block;
  row.weights = row.row + n;
  row.diagonal = row.weights + n;
  row.least = row.diagonal + n;
  row.scales = row.least + n;
  row.lows = row.scales + n;
  row.free = (int32_t *)(row.lows + n);
  row.columns = row.free + n;
  row.offsets = row.columns + n;
  return row;
}

// inverse += sign * sum over k < count of v[k]^T v[k], for positions from `first` on.
static void add_products(const GreedyRow *row, int64_t first, int64_t count, float sign) {
  const int64_t n = row->positions, block = row->block;
  for (int64_t macro = first / MACRO; macro * MACRO < n; macro++) {
    const int64_t start = macro * MACRO;
    const int64_t rest = (n - start + PANEL - 1) / PANEL;
    const int64_t strips = rest < MACRO_STRIPS ? rest : MACRO_STRIPS;
    for (int64_t i = 0; i < strips * PANEL; i += 4) {
      const float *source = row->panels + (start + i) / ROWS * block * ROWS + (start + i) % ROWS;
      float *target = row->strips + i / PANEL * count * PANEL + i % PANEL;
      // The micro-kernel subtracts.
      for (int64_t k = 0; k < count; k++)
        for (int64_t x = 0; x < 4; x++) target[k * PANEL + x] = -sign * source[k * ROWS + x];
    }
    const int64_t all = (n + ROWS - 1) / ROWS;
    const int64_t panels = all < MACRO_PANELS * (macro + 1) ? all : MACRO_PANELS * (macro + 1);
    for (int64_t panel = first / ROWS; panel < panels; panel++)
      for (int64_t strip = 0; strip < strips; strip++)
        update_panel(inverse_row(row->inverse, start + strip * PANEL) + panel * CHUNK,
                     row->panels + panel * block * ROWS, row->strips + strip * count * PANEL, count,
                     PANEL, 0);
  }
}

// The columns that calibration inputs reached, in processing order: only these have positions.
static int64_t live_columns(const RowProblem *problem, int32_t *columns) {
  int64_t count = 0;
  for (int64_t k = 0; k < problem->columns; k++)
    if (problem->curvature[problem->order[k]] > 0) columns[count++] = (int32_t)k;
  return count;
}

static void make_inverse(const RowProblem *problem, int64_t block, float *inverse, float *scratch) {
  GreedyRow row = greedy_row(problem->columns, block, inverse, scratch);
  row.positions = live_columns(problem, row.columns);
  const int64_t n = row.positions;
  if (n == 0) return;
  memset(inverse, 0, kernels_obq_inverse(n) * sizeof(float));
  for (int64_t first = 0; first < n; first += block) {
    const int64_t count = n - first < block ? n - first : block;
    const int64_t begin = first / MACRO * MACRO;
    for (int64_t k = 0; k < count; k++) {
      const int64_t line = row.columns[first + k];
      const float *u = problem->inverse + (line * problem->columns - line * (line - 1) / 2) - line;
      for (int64_t c = begin; c < padded(n); c++)
        row.panels[c / ROWS * block * ROWS + k * ROWS + c % ROWS] =
            c < first + k || c >= n ? 0 : u[row.columns[c]];
    }
    add_products(&row, first, count, 1);
  }
}

// Row `j` of the inverse as it is stored, that is, without the downdates that wait.
static void gather_row(const GreedyRow *row, int64_t j) {
  const float *source = inverse_row(row->inverse, j);
  int64_t c = 0;
  for (; c + ROWS <= j + 1; c += ROWS, source += CHUNK) memcpy(row->row + c, source, ROWS * sizeof(float));
  memcpy(row->row + c, source, (size_t)(j + 1 - c) * sizeof(float));
  const int64_t offset = inverse_offset(j);
  for (c = j + 1; c < row->positions;) {
    const int64_t macro_end = (c / MACRO + 1) * MACRO, end = macro_end < row->positions ? macro_end : row->positions;
    const float *column = inverse_row(row->inverse, c) + offset;
    for (; c < end; c++, column += ROWS) row->row[c] = *column;
  }
}

// The position that is quantized next: the least (w - Q(w))^2 / inverse_jj; but where weights lie more than half a
// step outside the grid, of these the one with the largest error, unless the weight of the least is zero.
static int64_t choose(const GreedyRow *row, float largest_code) {
  vf least = splat(__builtin_inff()), worst = splat(-1);
  vi least_at = (vi)(-1), worst_at = (vi)(-1), at;
  for (int i = 0; i < LANES; i++) at[i] = i;
  for (int64_t p = 0; p < row->positions; p += LANES, at += LANES) {
    const vf w = load(row->weights + p), scale = load(row->scales + p), low = load(row->lows + p);
    const vf high = low + largest_code, t = w / scale;
    vi is_free;
    memcpy(&is_free, row->free + p, sizeof is_free);
    const vf q = (smaller(larger(t, low), high) + ROUNDER) - ROUNDER, rest = sub_product(q, scale, w);
    const vf square = rest * rest, score = square / load(row->diagonal + p);
    const vi is_less = (score < least) & is_free;
    least = is_less ? score : least;
    least_at = is_less ? at : least_at;
    const vi is_worse = ((t < low - 0.5f) | (t > high + 0.5f)) & (square > worst) & is_free;
    worst = is_worse ? square : worst;
    worst_at = is_worse ? at : worst_at;
  }
  // Of equals the first, whatever the number of lanes.
  int32_t best = -1, clipped = -1;
  float best_score = 0, clipped_square = 0;
  for (int i = 0; i < LANES; i++) {
    const int32_t b = least_at[i], c = worst_at[i];
    if (b >= 0 && (best < 0 || least[i] < best_score || (least[i] == best_score && b < best)))
      best = b, best_score = least[i];
    if (c >= 0 && (clipped < 0 || worst[i] > clipped_square || (worst[i] == clipped_square && c < clipped)))
      clipped = c, clipped_square = worst[i];
  }
  if (clipped >= 0 && (best < 0 || row->weights[best] != 0)) return clipped;
  if (best >= 0) return best;
  for (int64_t p = 0; p < row->positions; p++)
    if (row->free[p]) return p;
  return -1;
}

// Brings `count` panels of row->row up to date, makes them v = row / sqrt(inverse_jj) and appends them to those that
// wait; w -= error * v and inverse_kk -= v_k^2.
INLINE void step_panels(const GreedyRow *row, int64_t panel, int64_t j, float reciprocal, float error, const int count) {
  enum { vectors = ROWS / LANES };
  const size_t size = (size_t)row->block * ROWS;
  const float *factors = row->panels + j / ROWS * size + j % ROWS;
  float *panels = row->panels + panel * size;
  vf a[PANELS_AT_ONCE][vectors];
#pragma clang loop unroll(full)
  for (int x = 0; x < count; x++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) a[x][v] = load(row->row + (panel + x) * ROWS + v * LANES);
  for (int64_t k = 0; k < row->waiting; k++) {
    const vf factor = splat(factors[k * ROWS]);
#pragma clang loop unroll(full)
    for (int x = 0; x < count; x++)
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++)
        a[x][v] = sub_product(load(panels + x * size + k * ROWS + v * LANES), factor, a[x][v]);
  }
#pragma clang loop unroll(full)
  for (int x = 0; x < count; x++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      const int64_t p = (panel + x) * ROWS + v * LANES;
      const vf value = a[x][v] * reciprocal;
      store(panels + x * size + row->waiting * ROWS + v * LANES, value);
      store(row->weights + p, sub_product(value, splat(error), load(row->weights + p)));
      store(row->diagonal + p, larger(sub_product(value, value, load(row->diagonal + p)), load(row->least + p)));
    }
}

// Closes up the positions that are quantized. A row moves to a lower one and its elements to lower places of it, so
// that the inverse is read before it is overwritten.
static void compact(GreedyRow *row) {
  int64_t count = 0;
  for (int64_t p = 0; p < row->positions; p++) {
    if (!row->free[p]) continue;
    row->offsets[count] = (int32_t)inverse_offset(p);
    const float *source = inverse_row(row->inverse, p);
    for (int64_t c = 0; c <= count; c++) row->row[c] = source[row->offsets[c]];
    float *target = inverse_row(row->inverse, count);
    for (int64_t c = 0; c <= count; c += ROWS) memcpy(target + c / ROWS * CHUNK, row->row + c, ROWS * sizeof(float));
    row->weights[count] = row->weights[p];
    row->diagonal[count] = row->diagonal[p];
    row->least[count] = row->least[p];
    row->scales[count] = row->scales[p];
    row->lows[count] = row->lows[p];
    row->columns[count] = row->columns[p];
    count++;
  }
  for (int64_t p = 0; p < row->positions; p++) row->free[p] = p < count ? -1 : 0;
  memset(row->row + count, 0, (size_t)(padded(row->positions) - count) * sizeof(float));
  row->positions = count;
}

// Applies the downdates that wait.
static void flush(GreedyRow *row) {
  const int64_t n = row->positions;
  // The padding holds nothing that may grow.
  for (int64_t p = n; p < padded(n); p++)
    for (int64_t k = 0; k < row->waiting; k++) row->panels[p / ROWS * row->block * ROWS + k * ROWS + p % ROWS] = 0;
  add_products(row, 0, row->waiting, -1);
  row->waiting = 0;
}

// Quantizes all positions: steps[column] receives the number of steps from zero, by processing order.
static void solve_greedily(const RowProblem *problem, GreedyRow *row, float *steps) {
  const float largest = (float)problem->largest_code;
  int64_t left = row->positions, finished = 0;
  while (left > 0) {
    const int64_t j = choose(row, largest);
    const vf w = splat(row->weights[j]), scale = splat(row->scales[j]), low = splat(row->lows[j]);
    const vf q = (smaller(larger(w / scale, low), low + largest) + ROUNDER) - ROUNDER;
    steps[row->columns[j]] = q[0];
    row->free[j] = 0;
    if (--left == 0) break;
    const float reciprocal = 1 / __builtin_sqrtf(row->diagonal[j]);
    const float error = sub_product(q, scale, w)[0] * reciprocal;
    gather_row(row, j);
    const int64_t panels = (row->positions + ROWS - 1) / ROWS;
    int64_t panel = 0;
    for (; panel + PANELS_AT_ONCE <= panels; panel += PANELS_AT_ONCE)
      step_panels(row, panel, j, reciprocal, error, PANELS_AT_ONCE);
    for (; panel < panels; panel++) step_panels(row, panel, j, reciprocal, error, 1);
    finished++;
    if (++row->waiting < row->block) continue;
    flush(row);
    if (finished * COMPACTION < row->positions) continue;
    compact(row);
    finished = 0;
  }
}

// 2^exponent as two factors, because one may leave the range of float32.
INLINE void split_power(int exponent, float *first, float *second) {
  const int half = exponent / 2;
  *first = __builtin_ldexpf(1, half);
  *second = __builtin_ldexpf(1, exponent - half);
}

static void obq(const RowProblem *problem, float *tile, int64_t rows, const float *scales, const float *lows,
                const float *shared, int64_t block, float *inverse, uint8_t *codes, float *scratch) {
  const int64_t columns = problem->columns;
  GreedyRow row = greedy_row(columns, block, inverse, scratch);
  float *steps = (float *)(row.offsets + padded(columns));
  for (int64_t lane = 0; lane < rows; lane++) {
    const int64_t n = row.positions = live_columns(problem, row.columns);
    row.waiting = 0;
    if (n) memcpy(inverse, shared, kernels_obq_inverse(n) * sizeof(float));
    // Squares of weights of any size stay in the range of float32 in units of a power of two near the largest scale.
    float unit = 0, first, second;
    for (int64_t group = 0; group < problem->groups; group++)
      unit = unit < scales[group * ROWS + lane] ? scales[group * ROWS + lane] : unit;
    int exponent;
    __builtin_frexpf(unit, &exponent);
    split_power(-exponent, &first, &second);
    for (int64_t p = 0; p < padded(n); p++) {
      const int is_free = p < n;
      const int32_t column = is_free ? row.columns[p] : 0, natural = problem->order[column];
      const int64_t group = natural / problem->group_size;
      row.free[p] = is_free ? -1 : 0;
      row.weights[p] = is_free ? tile[column * ROWS + lane] * first * second : 0;
      row.scales[p] = is_free ? scales[group * ROWS + lane] * first * second : 1;
      row.lows[p] = is_free ? lows[group * ROWS + lane] : 0;
      row.diagonal[p] = is_free ? inverse_row(inverse, p)[inverse_offset(p)] : 1;
      row.least[p] = is_free ? 1 / problem->curvature[natural] : 1;
      row.diagonal[p] = row.diagonal[p] > row.least[p] ? row.diagonal[p] : row.least[p];
      row.row[p] = 0;
    }
    memset(steps, 0, (size_t)columns * sizeof(float));
    solve_greedily(problem, &row, steps);
    for (int64_t k = 0; k < columns; k++) {
      const int64_t group = problem->order[k] / problem->group_size;
      float *target = tile + k * ROWS + lane;
      codes[k * ROWS + lane] = (uint8_t)(steps[k] - lows[group * ROWS + lane]);
      *target = sub_product(splat(steps[k]), splat(scales[group * ROWS + lane]), splat(*target))[0];
    }
  }
}
