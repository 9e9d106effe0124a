// Part of RowKernelsBody.h: the scale and zero point of every group of a tile.

// The nearest positive finite value of a scale type, ties to even.
INLINE vf round_scale(vf scale, int type) {
  const vu bits = __builtin_bit_cast(vu, scale);
  if (type == kernels_scale_bfloat16) {
    vu upper = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
    upper = upper < 1u ? (vu)(1u) : upper;
    upper = upper > 0x7F7Fu ? (vu)(0x7F7Fu) : upper;
    return __builtin_bit_cast(vf, upper << 16);
  }
  if (type == kernels_scale_float16) {
    const vf normal = __builtin_bit_cast(vf, (bits + 0xFFFu + ((bits >> 13) & 1u)) & ~0x1FFFu);
    // Below 2^-14 the steps are 2^-24, those of float32 around 1.5 * 2^-1.
    const vf subnormal = (scale + 0.75f) - 0.75f;
    const vf rounded = scale < 0x1p-14f ? subnormal : normal;
    return larger(smaller(rounded, splat(65504.0f)), splat(0x1p-24f));
  }
  return scale;
}

// The min-max grid of weights in low ... high, before its scale is rounded to the stored type.
INLINE void base_grid(const RowProblem *problem, float low, float high, float *scale, float *code_low) {
  const double width = problem->symmetric ? 2 * (-(double)low > (double)high ? -(double)low : (double)high)
                                          : (double)high - (double)low;
  const float step = (float)(width / problem->largest_code);
  const float middle = (float)((problem->largest_code + 1) / 2);
  *scale = step > 0 ? step : 1;
  if (problem->symmetric) {
    *code_low = -middle;
  } else {
    float zero = step > 0 ? (-low / step + ROUNDER) - ROUNDER : 0;
    if (zero > problem->largest_code) zero = problem->largest_code;
    *code_low = -zero;
  }
}

// One candidate for LANES rows. Errors are in units of the base scale: no power overflows.
typedef struct {
  vf inverse;  // base / scale
  vf ratio;    // scale / base
  vf low;      // - zero point
  vf high;     // largest code - zero point
  vi allowed;  // whether the zero point is a code
  vf scale;
} Candidate;

INLINE Candidate make_candidate(const RowProblem *problem, int index, vf base, vf low) {
  const float shrink = problem->shrink[index / problem->offset_count];
  Candidate c;
  c.scale = round_scale(base * shrink, problem->scale_type);
  c.inverse = base / c.scale;
  c.ratio = c.scale / base;
  c.low = low - problem->offsets[index % problem->offset_count];
  c.high = c.low + (float)problem->largest_code;
  c.allowed = (c.low <= 0.0f) & (c.high >= 0.0f);
  return c;
}

// sum + |d|^2.4. With y = d^2, a about y^-0.2 from the exponent bits and e = 1 - y a^5 (it stays in -0.89 ... -0.40),
// |d|^2.4 = y^1.2 = y^2 a^4 (1 - e)^-0.8, the last factor by a cubic fitted there: relative error below 5e-5.
INLINE vf add_power24(vf d, vf sum) {
  const vf y = add_product(d, d, splat(1e-24f));
  const vf bits = __builtin_convertvector(__builtin_bit_cast(vi, y), vf);
  const vf guess = add_product(bits, splat(-0.2f), splat(1279100000.0f));
  const vf a = __builtin_bit_cast(vf, __builtin_convertvector(guess, vi));
  const vf a2 = a * a, ya4 = y * (a2 * a2), e = sub_product(ya4, a, splat(1));
  vf factor = add_product(splat(0.10312056541442871f), e, splat(0.38169312477111816f));
  factor = add_product(factor, e, splat(0.6902617812156677f));
  factor = add_product(factor, e, splat(0.9856034517288208f));
  return add_product(y * ya4, factor, sum);
}

INLINE vf add_error(vf x, const Candidate *c, vf weight, int search, vf sum) {
  const vf t = smaller(larger(add_product(x, c->inverse, splat(ROUNDER)), c->low + ROUNDER), c->high + ROUNDER) - ROUNDER;
  const vf d = sub_product(t, c->ratio, x);
  if (search == kernels_search_l24) return add_power24(d, sum);
  return add_product(weight * d, d, sum);
}

// Errors of two candidates over `count` weights x[count][LANES]. It may stop as soon as no lane of either is below
// `best`: sums only grow.
INLINE void pair_errors(const float *x, const float *curvature, int64_t count, const Candidate *first,
                        const Candidate *second, vf best, int search, vf *first_sum, vf *second_sum) {
  const Candidate a = *first, b = *second;
  vf sum_a = splat(0), sum_b = splat(0);
  for (int64_t start = 0; start < count; start += 8) {
    const int64_t end = start + 8 < count ? start + 8 : count;
    for (int64_t j = start; j < end; j++) {
      const vf value = load(x + j * LANES), weight = splat(curvature[j]);
      sum_a = add_error(value, &a, weight, search, sum_a);
      sum_b = add_error(value, &b, weight, search, sum_b);
    }
    if (!any((sum_a < best) | (sum_b < best))) break;
  }
  *first_sum = sum_a;
  *second_sum = sum_b;
}

// Copies a group into x[count][LANES], divided by `unit`, and its curvature beside it: columns with large weights
// first, because it is these that a shrunken range clips, and a hopeless candidate is then given up early.
INLINE void gather_group(const RowProblem *problem, const float *tile, int64_t first, int64_t count, vf unit, vf low,
                         vf high, float *x, float *curvature, uint8_t *bucket) {
  enum { buckets = 16 };
  int64_t starts[buckets + 1] = {0};
  const vf inverse = (float)(buckets - 1) / larger(larger(-low, high), splat(1e-30f));
  for (int64_t j = 0; j < count; j++) {
    const vf w = load(tile + (size_t)problem->position[first + j] * ROWS);
    const float share = __builtin_reduce_max(larger(w, -w) * inverse);
    bucket[j] = (uint8_t)(share > 0 ? (share < buckets - 1 ? buckets - 1 - (int)share : 0) : buckets - 1);
    starts[bucket[j] + 1]++;
  }
  for (int i = 0; i < buckets; i++) starts[i + 1] += starts[i];
  for (int64_t j = 0; j < count; j++) {
    const int64_t place = starts[bucket[j]]++;
    store(x + place * LANES, load(tile + (size_t)problem->position[first + j] * ROWS) / unit);
    curvature[place] = problem->curvature[first + j];
  }
}

// What a candidate and all with smaller ranges lose at least: what they cut off from the first, largest weights,
// whichever the zero point.
INLINE vf least_error(const RowProblem *problem, const float *x, const float *curvature, int64_t count, vf base,
                      vf low, int index, int search) {
  const Candidate c = make_candidate(problem, index, base, low);
  float least = 0, most = 0;
  for (int i = 0; i < problem->offset_count; i++) {
    least = problem->offsets[i] > least ? problem->offsets[i] : least;
    most = problem->offsets[i] < most ? problem->offsets[i] : most;
  }
  const vf from = (low - least) * c.ratio, to = (low + (float)problem->largest_code - most) * c.ratio;
  vf sum = splat(0);
  for (int64_t j = 0; j < count && j < 32; j++) {
    const vf value = load(x + j * LANES);
    const vf d = smaller(larger(value, from), to) - value;
    sum = search == kernels_search_l24 ? add_power24(d, sum) : add_product(splat(curvature[j]) * d, d, sum);
  }
  return sum;
}

INLINE void search_lanes(const RowProblem *problem, const float *x, const float *curvature, int64_t count, vf base,
                         vf low, int search, float *scale, float *code_low) {
  const int candidates = problem->shrink_count * problem->offset_count;
  vf best = splat(__builtin_inff()), best_scale = base, best_low = low;
  for (int i = 0; i < candidates; i += 2) {
    if (i % 4 == 0 && i > 0) {
      // Ranges only shrink from here on. A row that is done takes no other candidate, whatever its neighbours do.
      const vf least = least_error(problem, x, curvature, count, base, low, i, search);
      best = least >= best ? splat(-1) : best;
      if (!any(best > 0.0f)) break;
    }
    const Candidate a = make_candidate(problem, i, base, low);
    const Candidate b = make_candidate(problem, i + 1 < candidates ? i + 1 : i, base, low);
    vf sum_a, sum_b;
    pair_errors(x, curvature, count, &a, &b, best, search, &sum_a, &sum_b);
    vi wins = (sum_a < best) & a.allowed;
    best = wins ? sum_a : best;
    best_scale = wins ? a.scale : best_scale;
    best_low = wins ? a.low : best_low;
    wins = (sum_b < best) & b.allowed;
    best = wins ? sum_b : best;
    best_scale = wins ? b.scale : best_scale;
    best_low = wins ? b.low : best_low;
  }
  store(scale, best_scale);
  store(code_low, best_low);
}

static void find_grids(const RowProblem *problem, const float *tile, float *scales, float *lows, float *scratch) {
  for (int64_t group = 0; group < problem->groups; group++, scales += ROWS, lows += ROWS) {
    const int64_t first = group * problem->group_size;
    const int64_t rest = problem->columns - first;
    const int64_t count = rest < problem->group_size ? rest : problem->group_size;
    const int32_t *position = problem->position + first;
    vf low[VECTORS], high[VECTORS];
    for (int v = 0; v < VECTORS; v++) low[v] = high[v] = splat(0);
    for (int64_t j = 0; j < count; j++) {
      const float *w = tile + (size_t)position[j] * ROWS;
      for (int v = 0; v < VECTORS; v++) {
        low[v] = smaller(low[v], load(w + v * LANES));
        high[v] = larger(high[v], load(w + v * LANES));
      }
    }
    for (int v = 0; v < VECTORS; v++) {
      float base[LANES], code_low[LANES];
      for (int i = 0; i < LANES; i++) base_grid(problem, low[v][i], high[v][i], &base[i], &code_low[i]);
      const vf unit = load(base);
      if (problem->search == kernels_search_minmax) {
        store(scales + v * LANES, round_scale(unit, problem->scale_type));
        store(lows + v * LANES, load(code_low));
        continue;
      }
      float *curvature = scratch + count * LANES;
      gather_group(problem, tile + v * LANES, first, count, unit, low[v], high[v], scratch, curvature,
                   (uint8_t *)(curvature + count));
      if (problem->search == kernels_search_l24)
        search_lanes(problem, scratch, curvature, count, unit, load(code_low), kernels_search_l24,
                     scales + v * LANES, lows + v * LANES);
      else
        search_lanes(problem, scratch, curvature, count, unit, load(code_low), kernels_search_curvature,
                     scales + v * LANES, lows + v * LANES);
    }
  }
}

static void grid_errors(const RowProblem *problem, const float *tile, float base, float low, double *errors,
                        float *scratch) {
  const int candidates = problem->shrink_count * problem->offset_count;
  // Short runs of columns: a float32 sum of many thousand errors would lose digits.
  for (int64_t first = 0; first < problem->columns; first += problem->group_size) {
    const int64_t rest = problem->columns - first;
    const int64_t count = rest < problem->group_size ? rest : problem->group_size;
    for (int v = 0; v < VECTORS; v++) {
      for (int64_t j = 0; j < count; j++)
        store(scratch + j * LANES, load(tile + (size_t)problem->position[first + j] * ROWS + v * LANES) / base);
      for (int i = 0; i < candidates; i++) {
        const Candidate c = make_candidate(problem, i, splat(base), splat(low));
        vf sum = splat(0);
        for (int64_t j = 0; j < count; j++)
          sum = add_error(load(scratch + j * LANES), &c, splat(problem->curvature[first + j]), problem->search, sum);
        if (!any(c.allowed)) sum = splat(__builtin_inff());
        for (int lane = 0; lane < LANES; lane++) errors[i] += sum[lane];
      }
    }
  }
}
