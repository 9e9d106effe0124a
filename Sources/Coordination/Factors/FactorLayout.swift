import LinearAlgebra
import MPI
import Quantization

/// Where the factors of an input group, and behind them its drift corrections, lie in one run of bytes: what travels to a node.
struct FactorLayout: Equatable {
  /// Columns C of a Hessian.
  let columns: Int
  /// Number of Hessians.
  let hessians: Int
  /// Whether each Hessian has a drift correction.
  let hasDrift: Bool

  /// Unit, damping, escalations: three float64.
  private static let scalarBytes = 3 * 8
  private var triangle: Int { SymmetricMatrix.count(order: columns) }
  private var order: Int { Self.aligned(Self.scalarBytes) }
  private var curvature: Int { order + Self.aligned(4 * columns) }
  private var inverse: Int { curvature + Self.aligned(4 * columns) }
  private var bytesOfHessian: Int { inverse + Self.aligned(4 * triangle) }
  private var bytesOfUpdate: Int { Self.aligned(4 * columns * columns) }

  /// Bytes of one packed U.
  var triangleBytes: Int { 4 * triangle }

  /// Bytes of the whole group, a multiple of `NodeMemory.alignment`.
  var byteCount: Int { hessians * (bytesOfHessian + (hasDrift ? bytesOfUpdate : 0)) }
  /// Which of them are those of the factors; the rest are those of the corrections.
  var factorBytes: Range<Int> { 0..<hessians * bytesOfHessian }

  private static func aligned(_ count: Int) -> Int {
    (count + NodeMemory.alignment - 1) / NodeMemory.alignment * NodeMemory.alignment
  }

  /// Where U of Hessian `index` is, or is to be.
  func inverse(_ index: Int, in memory: NodeMemory, at start: Int) -> UnsafeMutablePointer<Float> {
    memory.mutableElements(of: Float.self, at: start + index * bytesOfHessian + inverse, count: triangle).baseAddress!
  }

  /// Writes what the factor of Hessian `index` is beside its U.
  func write(_ factor: SharedFactor.Parameters, hessian index: Int, to memory: NodeMemory, at start: Int) {
    precondition(factor.order.count == columns, "a factor of another group")
    let first = start + index * bytesOfHessian
    let scalars = [factor.unit, factor.damping, Double(factor.escalations)]
    memory.write(scalars.span, at: first)
    memory.write(factor.order.span, at: first + order)
    memory.write(factor.curvature.span, at: first + curvature)
  }

  /// Writes that there are no factors.
  func writeFailure(to memory: NodeMemory, at start: Int) {
    let none = [0.0]
    memory.write(none.span, at: start)
  }

  /// Whether a part that has come is what it should be, and does not say that there are no factors.
  func isComplete(in memory: NodeMemory, at start: Int, _ part: FactorBoard.Part) -> Bool {
    part == .corrections || memory.read(Double.self, at: start, count: 1)[0] > 0
  }

  /// The factor of Hessian `index`, its U not copied but read where it lies.
  func factor(_ index: Int, in memory: NodeMemory, at start: Int) throws(QuantizationError) -> SharedFactor {
    let first = start + index * bytesOfHessian
    let scalars = memory.read(Double.self, at: first, count: 3)
    return try SharedFactor(
      order: memory.read(at: first + order, count: columns),
      inverse: FloatStorage(memory.elements(at: first + inverse, count: triangle), owner: memory),
      curvature: memory.read(at: first + curvature, count: columns),
      unit: scalars[0], damping: scalars[1], escalations: Int(scalars[2]))
  }

  /// Where the drift correction of Hessian `index` is, or what it is solved from.
  func drift(_ index: Int, in memory: NodeMemory, at start: Int) -> UnsafeMutableBufferPointer<Float> {
    precondition(hasDrift, "a group without drift")
    return memory.mutableElements(
      at: start + factorBytes.upperBound + index * bytesOfUpdate, count: columns * columns)
  }
}
