import Foundation

/// How the sensitivities s of a layer's weights are spread over its rows and columns.
///
/// Shares of the variance are those of a one-way analysis of variance: the sum of squares between columns (or rows) over
/// the total one. A column of a grouped convolution is counted once for each group. Logarithms are of the weights with
/// s > 0 only.
public struct SensitivityStatistics: Codable, Sendable, Equatable {
  /// Share of the variance of log s between columns.
  public var logByColumn: Double
  /// Share of the variance of log s between rows.
  public var logByRow: Double
  /// Share of the variance of s between columns.
  public var byColumn: Double
  /// Share of the variance of s between rows.
  public var byRow: Double
  /// Share of the variance of log s that is explained by log 1 / inverse(H)_jj alone, which all rows have in common: the
  /// squared correlation.
  public var logByCurvature: Double
  /// Share of the variance of s explained by 1 / inverse(H)_jj.
  public var byCurvature: Double
  /// Share of the sum of s in the most sensitive 1 % of the columns (at least one).
  public var top1: Double
  /// In the most sensitive 10 %.
  public var top10: Double
  /// The share of the sum of 1 / inverse(H)_jj in the 1 % of the columns where it is largest.
  public var curvatureTop1: Double
  /// In 10 %.
  public var curvatureTop10: Double

  /// The statistics of a matrix.
  ///
  /// - Parameters:
  ///   - sensitivities: rows x columns, row-major, not negative.
  ///   - curvatures: by Hessian and column, 1 / inverse(H)_jj, zero for a dead column; consecutive rows in equal numbers
  ///     share a Hessian.
  init(_ sensitivities: [Double], rows: Int, columns: Int, curvatures: [[Double]]) {
    let levels = curvatures.count * columns
    let perHessian = rows / curvatures.count
    let flat = curvatures.flatMap { $0 }
    var plain = Variance(rows: rows, columns: levels)
    var logs = Variance(rows: rows, columns: levels)
    var totals = [Double](repeating: 0, count: levels)
    for row in 0..<rows {
      let first = row / perHessian * columns
      for column in 0..<columns {
        let (value, level) = (sensitivities[row * columns + column], first + column)
        totals[level] += value
        plain.add(value, with: flat[level], row: row, column: level)
        if value > 0, flat[level] > 0 { logs.add(log(value), with: log(flat[level]), row: row, column: level) }
      }
    }
    (logByColumn, logByRow, logByCurvature) = logs.shares
    (byColumn, byRow, byCurvature) = plain.shares
    (top1, top10) = (Self.top(totals, 100), Self.top(totals, 10))
    (curvatureTop1, curvatureTop10) = (Self.top(flat, 100), Self.top(flat, 10))
  }

  /// The share of the sum of `values` in the largest one of `part` of them.
  private static func top(_ values: [Double], _ part: Int) -> Double {
    let sum = values.reduce(0, +)
    guard sum > 0 else { return 0 }
    return values.sorted(by: >).prefix(max(1, values.count / part)).reduce(0, +) / sum
  }

  /// Sums for an analysis of variance. Values are taken relative to the first, so that squares do not cancel.
  private struct Variance {
    private var first: (value: Double, other: Double)?
    private var count = 0.0
    private var sum = 0.0, squares = 0.0
    private var otherSum = 0.0, otherSquares = 0.0, products = 0.0
    private var rows: [(count: Double, sum: Double)]
    private var columns: [(count: Double, sum: Double)]

    init(rows: Int, columns: Int) {
      self.rows = Array(repeating: (0, 0), count: rows)
      self.columns = Array(repeating: (0, 0), count: columns)
    }

    mutating func add(_ value: Double, with other: Double, row: Int, column: Int) {
      let origin = first ?? (value, other)
      first = origin
      let (value, other) = (value - origin.value, other - origin.other)
      count += 1
      sum += value
      squares += value * value
      otherSum += other
      otherSquares += other * other
      products += value * other
      rows[row].count += 1
      rows[row].sum += value
      columns[column].count += 1
      columns[column].sum += value
    }

    /// Shares of the variance: between columns, between rows, explained by the other variable. Zero without variance.
    var shares: (columns: Double, rows: Double, other: Double) {
      guard count > 0 else { return (0, 0, 0) }
      let total = squares - sum * sum / count
      guard total > 1e-12 * squares else { return (0, 0, 0) }
      func between(_ levels: [(count: Double, sum: Double)]) -> Double {
        let squares = levels.reduce(0) { $1.count > 0 ? $0 + $1.sum * $1.sum / $1.count : $0 }
        return min(max((squares - sum * sum / count) / total, 0), 1)
      }
      let otherTotal = otherSquares - otherSum * otherSum / count
      let covariance = products - sum * otherSum / count
      let explained = otherTotal > 1e-12 * otherSquares ? covariance * covariance / (otherTotal * total) : 0
      return (between(columns), between(rows), min(max(explained, 0), 1))
    }
  }
}
