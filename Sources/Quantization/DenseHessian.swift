internal import CKernels
import LinearAlgebra
import Synchronization

/// The damped Hessian behind a factor, made from it when it is first asked for.
///
/// It does not depend on processing order: every rank makes it from the U it has.
final class DenseHessian: Sendable {
  private let factor: SharedFactor
  private let made = Mutex<[Float]?>(nil)

  init(_ factor: SharedFactor) { self.factor = factor }

  /// H in units of `factor.unit`, in natural order, `kernels_hessian_pitch` floats a row with zeros behind the last column.
  ///
  /// The first call takes 2/3 C³ operations and, for its time, C² float64 of memory; others wait for it.
  var values: [Float] {
    made.withLock { made in
      if let made { return made }
      let values = Self.make(factor)
      made = values
      return values
    }
  }

  private static func make(_ factor: SharedFactor) -> [Float] {
    let columns = factor.columns
    let pitch = Int(kernels_hessian_pitch(Int64(columns)))
    let processed = FactoredInverse.matrix(order: columns, upper: factor.inverse)
    var values = [Float](repeating: 0, count: columns * pitch)
    for i in 0..<columns {
      let row = Int(factor.order[i])
      for j in i..<columns {
        let (column, value) = (Int(factor.order[j]), Float(processed[i * columns + j]))
        values[row * pitch + column] = value
        values[column * pitch + row] = value
      }
    }
    return values
  }
}
