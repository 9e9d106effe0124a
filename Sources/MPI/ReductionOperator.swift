internal import CMPI

/// How the elements of all ranks become one. Corresponds to `MPI_Op`.
///
/// A sum of floating-point numbers depends on the order in which the library adds, hence on the number of ranks; sums of
/// integers, and every minimum and maximum without NaN, do not.
public enum ReductionOperator: Sendable, CaseIterable {
  /// Addition; integers wrap around. Corresponds to `MPI_SUM`.
  case sum
  /// The smallest. Corresponds to `MPI_MIN`.
  case minimum
  /// The largest. Corresponds to `MPI_MAX`.
  case maximum

  /// MPI's handle of the operation. Corresponds to `MPI_Op`.
  var raw: CMPIOp {
    switch self {
    case .sum: unsafe cmpi_sum()
    case .minimum: unsafe cmpi_min()
    case .maximum: unsafe cmpi_max()
    }
  }
}
