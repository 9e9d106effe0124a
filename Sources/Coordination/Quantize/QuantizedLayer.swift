import LinearAlgebra
import Quantization

/// A layer's codes as they are written, and what they cost.
struct QuantizedLayer: Sendable {
  /// rows x columns, row-major, 0 ..< 2^bits.
  var codes: [UInt8]
  /// rows x groups of columns.
  var scales: [Float]
  /// rows x groups of columns, in the range of the codes.
  var zeroPoints: [UInt8]
  /// (w - q) H (w - q)ᵀ of each row.
  var losses: [Double]
  /// w H wᵀ of each row: the loss of a row of zeros.
  var energies: [Double]
  /// What the rows' losses were expected to add up to, from their steps and the factor alone.
  var predictedLoss = 0.0
  /// 1 / U_jj² in the units of the Hessian, for each Hessian by column; 0 for a dead column.
  var pivots: [Double] = []
  /// The largest damping that a Hessian of the layer needed.
  var damping = 0.0
  /// How often the damping was raised, at most, over the layer's Hessians.
  var escalations = 0
  /// Columns that no calibration input reached (or, where the bias may change, that never vary).
  var deadColumns = 0
  /// The mean of the calibration inputs, for each Hessian its columns; empty where the bias stays.
  var inputMeans: [Double] = []

  /// Room for all rows of `planned`.
  init(_ planned: PlannedLayer) {
    let (rows, columns) = (planned.layer.rows, planned.layer.columns)
    let groups = planned.scheme.groupCount(columns: columns)
    codes = Array(repeating: 0, count: rows * columns)
    scales = Array(repeating: 0, count: rows * groups)
    zeroPoints = Array(repeating: 0, count: rows * groups)
    losses = Array(repeating: 0, count: rows)
    energies = Array(repeating: 0, count: rows)
  }

  /// The same, with what is known of its factors.
  init(_ planned: PlannedLayer, _ facts: FactorFacts) {
    self.init(planned)
    (damping, escalations, deadColumns) = (facts.damping, facts.escalations, facts.deadColumns)
    (pivots, inputMeans) = (facts.pivots, facts.means)
  }

  /// Puts solved rows in their place.
  mutating func place(_ solved: RowMessage.Rows, rows: Range<Int>) {
    func span(_ perRow: Int) -> Range<Int> { rows.lowerBound * perRow..<rows.upperBound * perRow }
    codes.withUnsafeMutableBytes { codes in
      UnsafeMutableRawBufferPointer(rebasing: codes[span(codes.count / losses.count)]).copyMemory(from: solved.codes)
    }
    scales.replaceSubrange(span(scales.count / losses.count), with: solved.scales)
    zeroPoints.replaceSubrange(span(zeroPoints.count / losses.count), with: solved.zeroPoints)
    losses.replaceSubrange(rows, with: solved.losses)
    energies.replaceSubrange(rows, with: solved.energies)
  }

  /// (q - z) * scale in float32, rows x columns: the weights that the written model has. Threads share the rows.
  func dequantized(_ planned: PlannedLayer, threads: Int = 1) -> [Float] {
    let columns = planned.layer.columns
    let groups = planned.scheme.groupCount(columns: columns)
    let groupSize = planned.scheme.groupSize(columns: columns)
    return [Float](unsafeUninitializedCapacity: codes.count) { values, count in
      let values = Parallel.Target(values.baseAddress!)
      Self.forEachRows(planned.layer.rows, threads: threads) { rows in
        codes.withUnsafeBufferPointer { codes in
          for row in rows {
            for group in 0..<groups {
              let (scale, zero) = (scales[row * groups + group], Float(zeroPoints[row * groups + group]))
              let range = row * columns + group * groupSize..<row * columns + min((group + 1) * groupSize, columns)
              let (source, target) = (codes.baseAddress! + range.lowerBound, values.base + range.lowerBound)
              for column in 0..<range.count { target[column] = (Float(source[column]) - zero) * scale }
            }
          }
        }
      }
      count = codes.count
    }
  }

  /// Calls `body` with ranges of 64 rows.
  private static func forEachRows(_ rows: Int, threads: Int, _ body: @Sendable (Range<Int>) -> Void) {
    Parallel.forEach((rows + 63) / 64, threads: threads) { body($0 * 64..<min($0 * 64 + 64, rows)) }
  }

  /// The biases that keep each channel's mean output on the inputs that the layer was calibrated on:
  /// bias + (W - Q) mean, in float64.
  ///
  /// - Parameters:
  ///   - bias: the layer's biases before, one per row.
  ///   - original: the layer's matrix before, rows x columns.
  ///   - dequantized: the same after.
  func correctedBias(
    _ planned: PlannedLayer, bias: [Float], original: [Float], dequantized: [Float], threads: Int = 1
  ) -> [Float] {
    let columns = planned.layer.columns
    return Parallel.map(planned.layer.rows, threads: threads) { row in
      let mean = row / planned.rowsPerHessian * columns
      var sum = Double(bias[row])
      for column in 0..<columns {
        let index = row * columns + column
        sum += (Double(original[index]) - Double(dequantized[index])) * inputMeans[mean + column]
      }
      return Float(sum)
    }
  }

  /// Multiplies each row's scales by a factor.
  mutating func scaleRows(by factors: [Double]) {
    let groups = scales.count / factors.count
    for row in factors.indices {
      for index in row * groups..<(row + 1) * groups { scales[index] = Float(Double(scales[index]) * factors[row]) }
    }
  }

  /// Σ step² pivot / 12 over all weights: the expected loss when each rounding error is uniform within its step.
  ///
  /// Exact but for clipping (arXiv:2507.18553, theorem 4). The steps must be those that the rows were solved with.
  func expectedLoss(_ planned: PlannedLayer) -> Double {
    let columns = planned.layer.columns
    let (groups, size) = (planned.scheme.groupCount(columns: columns), planned.scheme.groupSize(columns: columns))
    let sums = stride(from: 0, to: pivots.count, by: columns).map { start in
      stride(from: 0, to: columns, by: size).map { first in
        pivots[start + first..<start + min(first + size, columns)].reduce(0, +)
      }
    }
    return scales.indices.reduce(0) { sum, index in
      let (row, group) = index.quotientAndRemainder(dividingBy: groups)
      let step = Double(scales[index])
      return sum + step * step * sums[row / planned.rowsPerHessian][group] / 12
    }
  }

  /// The expected loss relative to the sum of the rows' energies; 0 for a layer of zeros.
  var relativePredictedLoss: Double {
    let energy = energies.reduce(0, +)
    return energy > 0 ? predictedLoss / energy : 0
  }

  /// The sum of the rows' losses relative to the sum of their energies; 0 for a layer of zeros.
  var relativeLoss: Double {
    let energy = energies.reduce(0, +)
    return energy > 0 ? losses.reduce(0, +) / energy : 0
  }
}
