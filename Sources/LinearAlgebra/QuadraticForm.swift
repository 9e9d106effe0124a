internal import COpenBLAS

/// A symmetric matrix H in float64, unpacked so that x H xᵀ of many vectors is one matrix product.
///
/// Memory: order² float64. Safe to use from several threads at once.
public struct QuadraticForm: Sendable {
  /// Number of rows and of columns.
  public let order: Int
  /// Row-major; the upper triangle is read.
  private let elements: [Double]

  /// Unpacks `matrix`.
  public init(_ matrix: SymmetricMatrix) {
    let n = matrix.order
    order = n
    elements = [Double](unsafeUninitializedCapacity: n * n) { elements, count in
      elements.initialize(repeating: 0)
      count = n * n
      matrix.upper.withUnsafeBufferPointer { upper in
        for row in 0..<n {
          let start = SymmetricMatrix.rowStart(row, order: n)
          for i in 0..<n - row { elements[row * n + row + i] = upper[start + i] }
        }
      }
    }
  }

  /// x H xᵀ for each vector x.
  ///
  /// The result depends on the vectors and on how many there are in the call, bit for bit. Corresponds to `cblas_dsymm`.
  /// - Parameter vectors: vectors x order, row-major.
  /// Complexity: 2 * vectors * order² operations.
  public func values(_ vectors: [Double]) -> [Double] {
    precondition(vectors.count % max(order, 1) == 0, "\(vectors.count) elements in vectors of \(order)")
    let count = vectors.count / max(order, 1)
    guard count > 0 else { return [] }
    let products = [Double](unsafeUninitializedCapacity: vectors.count) { products, initialized in
      cblas_dsymm(
        CblasRowMajor, CblasRight, CblasUpper, Int32(count), Int32(order), 1, elements, Int32(order), vectors,
        Int32(order), 0, products.baseAddress!, Int32(order))
      initialized = vectors.count
    }
    return (0..<count).map { vector in
      (vector * order..<(vector + 1) * order).reduce(0) { $0 + vectors[$1] * products[$1] }
    }
  }
}
