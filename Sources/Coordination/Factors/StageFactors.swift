import MPI
import Quantization

/// The factors and drift corrections with which this rank solves its rows, and the memory of the node that they are in.
final class StageFactors {
  /// By layer, one for each Hessian.
  private(set) var factors: [Int: [SharedFactor]]
  /// By layer, one for each Hessian, where there is drift.
  private(set) var drifts: [Int: [DriftCorrection]]
  private var window: NodeWindow?

  init(factors: [Int: [SharedFactor]], drifts: [Int: [DriftCorrection]], window: consuming NodeWindow?) {
    (self.factors, self.drifts) = (factors, drifts)
    self.window = window
  }

  /// Gives the memory back. Collective over the ranks of the node; no factor is used any more.
  func release(_ nodes: NodeLayout) throws(MPIError) {
    (factors, drifts) = ([:], [:])
    if let window = window.take() { try window.free(on: nodes.node) }
  }
}
