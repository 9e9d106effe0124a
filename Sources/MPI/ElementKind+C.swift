internal import CMPI

extension ElementKind {
  /// MPI's handle of the datatype. Corresponds to `MPI_Datatype`.
  var raw: CMPIType {
    switch self {
    case .uint8: unsafe cmpi_uint8()
    case .int8: unsafe cmpi_int8()
    case .int32: unsafe cmpi_int32()
    case .uint32: unsafe cmpi_uint32()
    case .int64: unsafe cmpi_int64()
    case .uint64: unsafe cmpi_uint64()
    case .float: unsafe cmpi_float()
    case .double: unsafe cmpi_double()
    }
  }

  /// Bytes of one element. Corresponds to `MPI_Type_size`.
  var stride: Int {
    switch self {
    case .uint8, .int8: 1
    case .int32, .uint32, .float: 4
    case .int64, .uint64, .double: 8
    }
  }
}
