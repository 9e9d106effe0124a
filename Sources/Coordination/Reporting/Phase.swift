/// A part of a run whose time is reported.
public enum Phase: String, CaseIterable, Sendable, Codable {
  /// Reading the model and the samples.
  case read
  /// Measuring how fast the ranks are.
  case balance
  /// Forwarding the rank's samples.
  case forward
  /// X Xᵀ of the rank's chunks.
  case hessian
  /// Adding up the ranks' sums at the owners.
  case reduce
  /// Column order and shared inverse Hessian, at the owners.
  case factor
  /// The shared inverse Hessian to the ranks that hold rows.
  case broadcast
  /// Grids and the row solve.
  case solve
  /// Codes and scales to all ranks.
  case gather
  /// The new weights of whole layers, on every rank.
  case replace
  /// Keeping finished stages in the journal, on rank 0.
  case commit
  /// Running the float and the quantized network on the samples held out.
  case measure
  /// Writing the output, on rank 0.
  case write
}

extension Phase {
  /// The phase's number in the order of `allCases`.
  var index: Int { Phase.allCases.firstIndex(of: self)! }

  /// Whether the phase computes, and does not move data between ranks.
  var isUseful: Bool {
    switch self {
    case .read, .forward, .hessian, .factor, .solve, .replace, .commit, .measure, .write: true
    case .balance, .reduce, .broadcast, .gather: false
    }
  }
}
