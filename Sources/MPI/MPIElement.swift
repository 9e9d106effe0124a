/// A number that MPI can move and reduce: fixed size, no padding, the same bits in C.
///
/// The eight types that Rankwise sends conform; a conformance of another type states that its memory is exactly one
/// `ElementKind`. Corresponds to `MPI_Datatype`.
public protocol MPIElement: BitwiseCopyable, Numeric, Sendable {
  /// The predefined MPI datatype with the same memory. Corresponds to `MPI_Datatype`.
  static var elementKind: ElementKind { get }
}

/// A predefined datatype of MPI. Corresponds to `MPI_Datatype`.
public enum ElementKind: Sendable, CaseIterable {
  /// An unsigned byte. Corresponds to `MPI_UINT8_T`.
  case uint8
  /// A signed byte. Corresponds to `MPI_INT8_T`.
  case int8
  /// A signed 32-bit integer. Corresponds to `MPI_INT32_T`.
  case int32
  /// An unsigned 32-bit integer. Corresponds to `MPI_UINT32_T`.
  case uint32
  /// A signed 64-bit integer. Corresponds to `MPI_INT64_T`.
  case int64
  /// An unsigned 64-bit integer. Corresponds to `MPI_UINT64_T`.
  case uint64
  /// An IEEE 754 binary32 number. Corresponds to `MPI_FLOAT`.
  case float
  /// An IEEE 754 binary64 number. Corresponds to `MPI_DOUBLE`.
  case double
}

extension UInt8: MPIElement {
  /// An unsigned byte. Corresponds to `MPI_UINT8_T`.
  public static var elementKind: ElementKind { .uint8 }
}

extension Int8: MPIElement {
  /// A signed byte. Corresponds to `MPI_INT8_T`.
  public static var elementKind: ElementKind { .int8 }
}

extension Int32: MPIElement {
  /// A signed 32-bit integer. Corresponds to `MPI_INT32_T`.
  public static var elementKind: ElementKind { .int32 }
}

extension UInt32: MPIElement {
  /// An unsigned 32-bit integer. Corresponds to `MPI_UINT32_T`.
  public static var elementKind: ElementKind { .uint32 }
}

extension Int64: MPIElement {
  /// A signed 64-bit integer. Corresponds to `MPI_INT64_T`.
  public static var elementKind: ElementKind { .int64 }
}

extension UInt64: MPIElement {
  /// An unsigned 64-bit integer. Corresponds to `MPI_UINT64_T`.
  public static var elementKind: ElementKind { .uint64 }
}

extension Float: MPIElement {
  /// An IEEE 754 binary32 number. Corresponds to `MPI_FLOAT`.
  public static var elementKind: ElementKind { .float }
}

extension Double: MPIElement {
  /// An IEEE 754 binary64 number. Corresponds to `MPI_DOUBLE`.
  public static var elementKind: ElementKind { .double }
}
