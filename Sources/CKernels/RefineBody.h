// Part of RowKernelsBody.h: what is needed to refine a tile that was solved. The Hessian is dense float32, in natural
// order, `pitch` elements a row with zeros behind the last column.

// tile -= (code - zero point) * scale: the residual w - q where the tile holds w.
static void subtract_codes(const RowProblem *problem, float *tile, const float *scales, const float *lows,
                           const uint8_t *codes) {
  for (int64_t k = 0; k < problem->columns; k++) {
    const int64_t grid = problem->order[k] / problem->group_size * ROWS;
    for (int v = 0; v < ROWS; v += LANES) {
      vb byte;
      memcpy(&byte, codes + k * ROWS + v, sizeof byte);
      const vf steps = __builtin_convertvector(byte, vf) + load(lows + grid + v);
      store(tile + k * ROWS + v, sub_product(steps, load(scales + grid + v), load(tile + k * ROWS + v)));
    }
  }
}

// products[j][32] = -sum over i of vectors[i][32] H[i, j], for `count` rows of H from `rows` on.
INLINE void subtract_products(const float *rows, int64_t pitch, const float *vectors, int64_t count, float *products) {
  memset(products, 0, (size_t)pitch * ROWS * sizeof(float));
  for (int64_t first = 0; first < count; first += BLOCK) {
    const int64_t block = count - first < BLOCK ? count - first : BLOCK;
    for (int64_t j = 0; j < pitch; j += PANEL)
      update_panel(products + j * ROWS, vectors + first * ROWS, rows + first * pitch + j, block, pitch, 0);
  }
}

// For each row, with z_g the steps code - zero point of group g and zero elsewhere: equations[g][h] = z_g H z_h^T for
// h >= g, and equations[g][groups] = z_g H w^T.
static void normal_equations(const RowProblem *problem, const float *hessian, const float *tile, const float *lows,
                             const uint8_t *codes, double *equations, float *scratch) {
  const int64_t columns = problem->columns, pitch = kernels_hessian_pitch(columns);
  const int64_t size = problem->group_size, groups = problem->groups;
  float *steps = scratch, *products = scratch + pitch * ROWS;
  for (int64_t j = 0; j < columns; j++)
    for (int v = 0; v < ROWS; v += LANES) {
      vb byte;
      memcpy(&byte, codes + (size_t)problem->position[j] * ROWS + v, sizeof byte);
      store(steps + j * ROWS + v, __builtin_convertvector(byte, vf) + load(lows + j / size * ROWS + v));
    }
  for (int64_t g = 0; g < groups; g++) {
    const int64_t first = g * size, count = columns - first < size ? columns - first : size;
    subtract_products(hessian + first * pitch, pitch, steps + first * ROWS, count, products);
    for (int v = 0; v < ROWS; v += LANES) {
      vd sum = (vd)(0.0), right = (vd)(0.0);
      for (int64_t j = 0; j < columns; j++) {
        const vd product = __builtin_convertvector(load(products + j * ROWS + v), vd);
        const vd w = __builtin_convertvector(load(tile + (size_t)problem->position[j] * ROWS + v), vd);
        right = SUB_PRODUCT(product, w, right);
        const vd step = __builtin_convertvector(load(steps + j * ROWS + v), vd);
        sum = SUB_PRODUCT(product, step, sum);
        if (j + 1 == columns || (j + 1) % size == 0) {
          memcpy(equations + (g * (groups + 1) + j / size) * ROWS + v, &sum, sizeof sum);
          sum = (vd)(0.0);
        }
      }
      memcpy(equations + (g * (groups + 1) + groups) * ROWS + v, &right, sizeof right);
    }
  }
}

// Coordinate descent on the codes of a tile that holds w - q: each code in turn to the best of its grid while the others
// stay, at most `sweeps` times over all columns. Leaves the tile as it is.
static void descend(const RowProblem *problem, const float *hessian, const float *tile, const float *scales,
                    uint8_t *codes, int64_t sweeps, float *scratch) {
  const int64_t columns = problem->columns, pitch = kernels_hessian_pitch(columns);
  float *residuals = scratch, *products = residuals + pitch * ROWS, *gradient = products + pitch * ROWS;
  // In units of the row's largest scale, so that nothing overflows.
  float top[ROWS] __attribute__((aligned(64)));
  memcpy(top, scales, sizeof top);
  for (int64_t g = 1; g < problem->groups; g++)
    for (int row = 0; row < ROWS; row++) top[row] = scales[g * ROWS + row] > top[row] ? scales[g * ROWS + row] : top[row];
  for (int64_t j = 0; j < columns; j++)
    for (int v = 0; v < ROWS; v += LANES)
      store(residuals + j * ROWS + v, load(tile + (size_t)problem->position[j] * ROWS + v) / load(top + v));
  subtract_products(hessian, pitch, residuals, columns, products);
  for (int row = 0; row < ROWS; row++) {
    for (int64_t j = 0; j < pitch; j++) gradient[j] = -products[j * ROWS + row];
    int changed = 1;
    for (int64_t sweep = 0; sweep < sweeps && changed; sweep++) {
      changed = 0;
      for (int64_t j = 0; j < columns; j++) {
        if (problem->curvature[j] == 0) continue;
        const float *h = hessian + j * pitch;
        const float scale = scales[j / problem->group_size * ROWS + row] / top[row];
        const float distance = gradient[j] / (scale * h[j]);
        // Not a number where a scale is too small beside the largest.
        if (!(distance > 0.5f || distance < -0.5f)) continue;
        uint8_t *code = codes + (size_t)problem->position[j] * ROWS + row;
        float best = (float)*code + distance;
        best = best > 0 ? best : 0;
        best = best < (float)problem->largest_code ? best : (float)problem->largest_code;
        best = (best + ROUNDER) - ROUNDER;
        const float steps = best - (float)*code;
        if (steps == 0) continue;
        *code = (uint8_t)best;
        changed = 1;
        const vf change = splat(steps * scale);
        for (int64_t i = 0; i < pitch; i += LANES)
          store(gradient + i, sub_product(change, load(h + i), load(gradient + i)));
      }
    }
  }
}
