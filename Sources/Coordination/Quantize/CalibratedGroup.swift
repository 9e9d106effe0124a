import Calibration
import Graphs
import LinearAlgebra

/// An input group whose inputs have been measured, and later its sums.
struct CalibratedGroup: Sendable {
  /// The group; its layers are indices of the run's planned layers.
  let group: InputGroup
  /// What the sums of X̃ X̃ᵀ are multiplied by.
  let scale: SumScale
  /// What the sums of (X - X̃) X̃ᵀ are multiplied by; nil if drift is not corrected or there is none.
  let crossScale: SumScale?
  /// Columns of X over all ranks.
  let columnCount: Int
  /// Whether tokens that did not choose the group's expert count.
  let includesExtra: Bool
  /// Whether the layers' biases may change, so that the Hessians are taken about the mean.
  let isCentered: Bool
  /// The rank that factors the group's Hessians.
  var owner = 0
  /// At the owner the sums of X̃ X̃ᵀ of all ranks' chunks, empty before and elsewhere; `HessianSums` gives the layout.
  var sums: ReadStorage<Int64> = []
  /// The same of (X - X̃) X̃ᵀ, by `CrossSums`.
  var crossSums: ReadStorage<Int64> = []
  /// Whether the sums are where all ranks of the owner's node can read them, which then have them too.
  var areSumsShared = false

  /// Makes a group without sums.
  init(
    group: InputGroup, scale: SumScale, crossScale: SumScale?, columnCount: Int, includesExtra: Bool, isCentered: Bool
  ) {
    (self.group, self.scale, self.crossScale) = (group, scale, crossScale)
    (self.columnCount, self.includesExtra, self.isCentered) = (columnCount, includesExtra, isCentered)
  }

  /// Work of the factorization, about columns³.
  var factorCost: Double {
    let columns = Double(group.columns)
    return columns * columns * columns * Double(group.groups)
  }

  /// Bytes of the sums.
  var sumBytes: Int { 8 * (HessianSums.count(group) + (crossScale == nil ? 0 : CrossSums.count(group))) }
}
