import Calibration
import Graphs

/// An input group whose Hessians have been added up on this rank, not yet over the ranks.
struct CalibratedGroup: Sendable {
  /// The group; its layers are indices of the run's planned layers.
  let group: InputGroup
  /// Integer sums of X Xᵀ of this rank's chunks; `HessianSums` gives the layout.
  var sums: [Int64]
  /// What the sums were multiplied by.
  let scale: SumScale
  /// Integer sums of (X - X̃) X̃ᵀ of this rank's chunks, and their scale; nil if drift is not corrected or there is none.
  var cross: (sums: [Int64], scale: SumScale)?
  /// Columns of X over all ranks.
  let columnCount: Int
  /// The rank that factors the group's Hessians.
  var owner = 0
  /// Whether the layers' biases may change, so that the Hessians are taken about the mean.
  let isCentered: Bool

  /// Work of the factorization, about columns³.
  var factorCost: Double {
    let columns = Double(group.columns)
    return columns * columns * columns * Double(group.groups)
  }
}
