internal import Foundation
import Graphs

/// An array in NumPy's `.npy` format, versions 1 to 3.
enum NPYArray {
  private static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]  // \x93NUMPY
  /// A header holds a shape and a type; one that claims more is damaged.
  private static let largestHeader = 1 << 20

  /// The array in `bytes`, which is a whole `.npy` file (or a member of an archive) called `name`.
  ///
  /// Elements are shared with `bytes` if they are aligned; big-endian ones are swapped. Throws `unsupported` for
  /// Fortran order, strings, objects and structures, `malformed` for a damaged file.
  static func read(_ bytes: SharedBytes, name: String) throws(ModelError) -> Tensor {
    let header = try bytes.withBytes { buffer throws(ModelError) in try Self.header(buffer, name) }
    guard !header.isFortranOrder else {
      throw .unsupported(path: name, reason: "the array is in Fortran order; save numpy.ascontiguousarray(array)")
    }
    guard let type = elementType(header.type) else {
      throw .unsupported(path: name, reason: "elements of NumPy type '\(header.type)'")
    }
    guard let byteCount = checkedProduct(header.shape, unit: type.byteCount) else {
      throw .malformed(path: name, reason: "the shape \(header.shape) is too large")
    }
    let available = bytes.count - header.dataStart
    guard available == byteCount else {
      throw .malformed(
        path: name, reason: "shape \(header.shape) of \(type) needs \(byteCount) bytes, the file has \(available)")
    }
    let data = bytes.slice(header.dataStart..<bytes.count)
    let storage: TensorStorage
    if header.type.hasPrefix(">"), type.byteCount > 1 {
      storage = TensorStorage(byteCount: byteCount) { target in
        data.withBytes { source in
          for index in 0..<byteCount { target[index] = source[index ^ (type.byteCount - 1)] }
        }
      }
    } else if type == .bool {
      // A Swift Bool must be 0 or 1; a file may hold any byte.
      return Tensor(data.array.map { $0 != 0 }, shape: header.shape)
    } else {
      storage = data.storage(alignment: type.byteCount)
    }
    return Tensor(elementType: type, shape: header.shape, storage: storage)
  }

  /// What the header says.
  private struct Header {
    var type = ""
    var isFortranOrder = false
    var shape: [Int] = []
    var dataStart = 0
  }

  private static func elementType(_ type: String) -> ElementType? {
    switch type.drop(while: { "<>=|".contains($0) }) {
    case "f4": .float32
    case "f8": .float64
    case "f2": .float16
    case "i1": .int8
    case "i2": .int16
    case "i4": .int32
    case "i8": .int64
    case "u1": .uint8
    case "u2": .uint16
    case "u4": .uint32
    case "u8": .uint64
    case "b1": .bool
    default: nil
    }
  }

  private static func header(_ bytes: UnsafeRawBufferPointer, _ name: String) throws(ModelError) -> Header {
    guard bytes.count >= 10, bytes[..<6].elementsEqual(magic) else {
      throw .malformed(path: name, reason: "it is not a .npy file")
    }
    let version = bytes[6]
    guard (1...3).contains(version) else { throw .unsupported(path: name, reason: ".npy version \(version)") }
    let lengthBytes = version == 1 ? 2 : 4
    guard bytes.count >= 8 + lengthBytes else { throw .malformed(path: name, reason: "the header is cut off") }
    let length = (0..<lengthBytes).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
    let start = 8 + lengthBytes
    guard length <= largestHeader, length <= bytes.count - start else {
      throw .malformed(path: name, reason: "a header of \(length) bytes does not fit the file")
    }
    var scanner = HeaderScanner(
      text: String(decoding: bytes[start..<start + length], as: UTF8.self), fileName: name)
    var header = Header()
    try scanner.scan(&header)
    header.dataStart = start + length
    return header
  }

  /// Reads the Python dictionary of a header: `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
  private struct HeaderScanner {
    private var rest: Substring
    private let text: String
    private let fileName: String

    init(text: String, fileName: String) {
      (self.text, self.fileName) = (text, fileName)
      rest = self.text[...]
    }

    mutating func scan(_ header: inout Header) throws(ModelError) {
      var found = Set<String>()
      try expect("{")
      while !accept("}") {
        let key = try string()
        try expect(":")
        found.insert(key)
        switch key {
        case "descr": header.type = try string()
        case "fortran_order":
          if accept("True") { header.isFortranOrder = true } else { try expect("False") }
        case "shape": header.shape = try tuple()
        default: throw failure("the key '\(key)' is unknown")
        }
        if !accept(",") {
          try expect("}")
          break
        }
      }
      guard found == ["descr", "fortran_order", "shape"] else { throw failure("a key is missing") }
    }

    private func failure(_ reason: String) -> ModelError {
      .malformed(path: fileName, reason: "the header \(text.prefix(200).debugDescription) is damaged: \(reason)")
    }

    private mutating func accept(_ token: String) -> Bool {
      rest = rest.drop { $0.isWhitespace }
      guard rest.hasPrefix(token) else { return false }
      rest = rest.dropFirst(token.count)
      return true
    }

    private mutating func expect(_ token: String) throws(ModelError) {
      guard accept(token) else { throw failure("'\(token)' is missing before \(rest.prefix(20).debugDescription)") }
    }

    private mutating func string() throws(ModelError) -> String {
      rest = rest.drop { $0.isWhitespace }
      guard let quote = rest.first, quote == "'" || quote == "\"" else {
        throw failure("a string is missing (structures are not supported)")
      }
      guard let end = rest.dropFirst().firstIndex(of: quote) else { throw failure("a string does not end") }
      let value = String(rest[rest.index(after: rest.startIndex)..<end])
      rest = rest[rest.index(after: end)...]
      return value
    }

    private mutating func tuple() throws(ModelError) -> [Int] {
      try expect("(")
      var values: [Int] = []
      while !accept(")") {
        rest = rest.drop { $0.isWhitespace }
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        guard let value = Int(digits) else { throw failure("a dimension is not a count") }
        rest = rest.dropFirst(digits.count)
        values.append(value)
        if !accept(",") {
          try expect(")")
          break
        }
      }
      return values
    }
  }
}
