/// What a machine's rates are of: a kernel of ours, on one thread.
///
/// Rates follow the columns C of a Hessian or of a product; their units are in the comments.
public enum MachineRate: String, Sendable, Codable, CaseIterable {
  /// float32 products of C x C weights: operations per second.
  case product
  /// The same with bfloat16 factors.
  case productBFloat16
  /// The scores and sums of causal attention: operations per second of those that are done.
  case attention
  /// Operators that pass over their operands: bytes per second, read and written.
  case elements
  /// The bounds of inputs: elements per second.
  case bounds
  /// Sums of outputs by channel: elements per second.
  case channels
  /// Comparing the outputs of a layer in two networks: elements per second.
  case comparison
  /// X Xᵀ: C² multiplications and additions of a column of X per second, counted as 2 C² / 2.
  case hessian
  /// The same in bfloat16.
  case hessianBFloat16
  /// Adding a chunk's X Xᵀ to the integer sums: C² elements per second.
  case hessianSum
  /// (X - X̃) X̃ᵀ: 2 C² operations of a column per second.
  case cross
  /// The same in bfloat16.
  case crossBFloat16
  /// Adding a chunk's cross products to the integer sums, and what else is done once: C² elements per second.
  case crossSum
  /// From sums to moments: C² elements per second.
  case moments
  /// From cross sums to scaled cross moments: C² elements per second.
  case crossMoments
  /// The pivot order and U from H: C³ per second.
  case factor
  /// The drift correction from the scaled cross moments: C³ per second.
  case drift
  /// Rows moved against drift, 32 at a time: 2 C² operations of a row per second.
  case target
  /// Making the solver of a Hessian: C² elements per second.
  case solver
  /// A layer's matrix from its weight: weights per second.
  case matrix
  /// The solve of rows, grids and all: C² of a row per second.
  case rows
  /// Codes to the weights that the network runs with: weights per second.
  case replace
  /// Codes packed for the journal: weights per second.
  case pack
  /// Copying; the columns are KiB of a piece: bytes per second.
  case copy
  /// Memory of tensors that the system gives for the first time; the columns are KiB of a piece: bytes per second.
  case touch
  /// Sums of C columns that are new: bytes per second.
  case sumClear
  /// Sums of C columns copied from memory that ranks share: bytes per second.
  case sumCopy
}
