internal import CMPI

/// Why communication failed. Corresponds to the return code of an `MPI_...` call.
public enum MPIError: Error, Equatable, CustomStringConvertible {
  /// A call returned another code than `MPI_SUCCESS`: its name, the class of the code, and the library's own words.
  case call(String, MPIErrorClass, text: String)
  /// A message had another number of elements than the buffer that was to be filled.
  case count(source: Int, tag: Int, expected: Int, received: Int)
  /// The library cannot be called from as many threads as the program needs.
  case threadLevel(required: ThreadLevel, provided: ThreadLevel)

  /// One sentence: which call, what happened, what to do. Corresponds to `MPI_Error_string`.
  public var description: String {
    switch self {
    case .call(let name, .truncated, let text):
      "\(name): \(text); sender and receiver must agree on the number of elements"
    case .call(let name, _, let text):
      "\(name): \(text)"
    case .count(let source, let tag, let expected, let received):
      "the message with tag \(tag) from rank \(source) has \(received) elements where \(expected) were expected; "
        + "sender and receiver must agree on the number"
    case .threadLevel(let required, let provided):
      "MPI_Init_thread: this library offers thread level \(provided), the program needs \(required); "
        + "use a library that was built with thread support"
    }
  }
}

/// Throws unless `code` is `MPI_SUCCESS`. Corresponds to `MPI_Error_string`.
func check(_ call: String, _ code: Int32) throws(MPIError) {
  if code == MPI_SUCCESS { return }
  let text = unsafe libraryString { unsafe MPI_Error_string(code, $0, $1) } ?? "error code \(code)"
  throw .call(call, MPIErrorClass(code: code), text: text)
}

/// A text that the library writes into a buffer of bounded size; `nil` if it reports an error.
func libraryString(
  _ fill: (UnsafeMutablePointer<CChar>, UnsafeMutablePointer<Int32>) -> Int32
) -> String? {
  unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(cmpi_max_string())) { buffer in
    var length: Int32 = 0
    guard let base = buffer.baseAddress, unsafe fill(base, &length) == MPI_SUCCESS else { return nil }
    let bytes = unsafe UnsafeRawBufferPointer(start: base, count: min(Int(length), buffer.count))
    return unsafe String(decoding: bytes, as: UTF8.self)
  }
}
