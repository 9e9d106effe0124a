/// Quantized rows of a matrix.
public struct RowBlock: Sendable, Equatable {
  /// Number of rows.
  public let rows: Int
  /// Number of columns.
  public let columns: Int
  /// Groups per row; 1 unless the scheme's granularity is `group`.
  public let groups: Int
  /// Columns of every group but the last, which may be shorter.
  public let groupSize: Int
  /// rows x columns, row after row, in the natural column order.
  public internal(set) var codes: [UInt8]
  /// rows x groups, row after row.
  public internal(set) var scales: [Float]
  /// rows x groups, row after row.
  public internal(set) var zeroPoints: [UInt8]
  /// Per row (w - q) H transpose(w - q) with the damped H; without a factor the squared error.
  public internal(set) var losses: [Double]
  /// Per row w H transpose(w), the loss of a row of zeros, in the units of `losses`; empty when not asked for.
  public internal(set) var energies: [Double]

  init(rows: Int, columns: Int, scheme: QuantizationScheme, energies: Bool) {
    let groups = scheme.groupCount(columns: columns)
    (self.rows, self.columns, self.groups) = (rows, columns, groups)
    groupSize = scheme.groupSize(columns: columns)
    codes = [UInt8](repeating: 0, count: rows * columns)
    scales = [Float](repeating: 0, count: rows * groups)
    zeroPoints = [UInt8](repeating: 0, count: rows * groups)
    losses = [Double](repeating: 0, count: rows)
    self.energies = energies ? [Double](repeating: 0, count: rows) : []
  }

  /// The weights that the codes stand for, rows x columns, row after row.
  public func dequantized() -> [Float] {
    [Float](unsafeUninitializedCapacity: rows * columns) { values, count in
      count = rows * columns
      for row in 0..<rows {
        for column in 0..<columns {
          let group = row * groups + column / groupSize
          let step = Float(Int(codes[row * columns + column]) - Int(zeroPoints[group]))
          values.initializeElement(at: row * columns + column, to: step * scales[group])
        }
      }
    }
  }
}
