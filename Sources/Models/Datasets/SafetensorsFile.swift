internal import Foundation
import Graphs
internal import JSON

/// A file in the safetensors format: a JSON header and the tensors behind it.
enum SafetensorsFile {
  /// The reference reader's limit for the header.
  private static let largestHeader = 100_000_000

  /// All tensors of the file at `path` by name; elements are mapped, not read.
  ///
  /// Throws `malformed` unless the data ranges cover the file without holes, overlaps or a rest, and each has the size
  /// that shape and type need; `unsupported` for a type that `ElementType` lacks.
  static func read(_ path: String) throws(ModelError) -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    for stored in try contents(of: path) {
      guard let tensor = stored.tensor else {
        throw .unsupported(path: path, reason: "tensor \(stored.name) has elements of type \(stored.dtype)")
      }
      tensors[stored.name] = tensor
    }
    return tensors
  }

  /// All tensors of the file at `path` as they stand there, in that order; elements are mapped, not read.
  ///
  /// Throws as `read` does, but knows more types.
  static func contents(of path: String) throws(ModelError) -> [StoredTensor] {
    let file = SharedBytes(try MappedFile(path: path))
    guard file.count >= 8 else { throw .malformed(path: path, reason: "it is not a safetensors file: under 8 bytes") }
    let length = file.withBytes { $0.loadUnaligned(as: UInt64.self).littleEndian }
    guard length <= UInt64(largestHeader), Int(length) <= file.count - 8 else {
      throw .malformed(path: path, reason: "a header of \(length) bytes does not fit the file of \(file.count)")
    }
    let dataStart = 8 + Int(length)
    let entries: [Entry]
    do {
      entries = try Self.entries(file.slice(8..<dataStart).withBytes { [UInt8]($0) })
    } catch {
      throw .malformed(path: path, reason: "the header is not a safetensors header: \(error)")
    }

    var tensors: [StoredTensor] = []
    var end = 0
    let dataCount = file.count - dataStart
    let inOrder = entries.sorted {
      ($0.offsets.0, $0.offsets.1, $0.name) < ($1.offsets.0, $1.offsets.1, $1.name)
    }
    for entry in inOrder {
      let name = entry.name
      guard let unit = StoredTensor.byteCount(ofElement: entry.dtype) else {
        throw .unsupported(path: path, reason: "tensor \(name) has elements of type \(entry.dtype)")
      }
      guard let byteCount = checkedProduct(entry.shape, unit: unit) else {
        throw .malformed(path: path, reason: "tensor \(name): the shape \(entry.shape) is negative or too large")
      }
      let (begin, stop) = entry.offsets
      guard begin == end else {
        throw .malformed(path: path, reason: "tensor \(name) begins at \(begin), where \(end) is expected")
      }
      guard stop >= begin, stop <= dataCount, stop - begin == byteCount else {
        throw .malformed(
          path: path,
          reason: "tensor \(name): \(begin) to \(stop) of \(dataCount) bytes is not the \(byteCount) bytes of its shape"
        )
      }
      end = stop
      let bytes = file.slice(dataStart + begin..<dataStart + stop)
      tensors.append(StoredTensor(name: name, dtype: entry.dtype, shape: entry.shape, bytes: bytes))
    }
    guard end == dataCount else {
      throw .malformed(path: path, reason: "\(dataCount - end) bytes behind the last tensor belong to none")
    }
    return tensors
  }

  /// Writes float32 `tensors` to `path`, in the order of their names, complete or not at all.
  static func write(_ tensors: [String: Tensor], to path: String) throws(ModelError) {
    let outgoing = tensors.sorted { $0.key < $1.key }.map { name, tensor in
      precondition(tensor.elementType == .float32, "\(name) is \(tensor.elementType), not float32")
      return OutgoingTensor(name: name, dtype: "F32", shape: tensor.shape, bytes: SharedBytes(tensor.storage))
    }
    try write(outgoing, metadata: [], to: path)
  }

  /// Writes `tensors` to `path` in their order, one after the other, complete or not at all.
  static func write(
    _ tensors: [OutgoingTensor], metadata: [(key: String, value: String)], to path: String
  ) throws(ModelError) {
    var fields: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.map { "\(quoted($0.key)):\(quoted($0.value))" }.joined(separator: ",")
      fields.append("\"__metadata__\":{\(pairs)}")
    }
    var offset = 0
    for tensor in tensors {
      let shape = tensor.shape.map { "\($0)" }.joined(separator: ",")
      let end = offset + tensor.byteCount
      fields.append(
        "\(quoted(tensor.name)):{\"dtype\":\"\(tensor.dtype)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}"
      )
      offset = end
    }
    var header = Array("{\(fields.joined(separator: ","))}".utf8)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    var file = try AtomicFile(path: path)
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) }
    try file.write(length)
    try file.write(Data(header))
    for tensor in tensors { try tensor.write(to: &file) }
    try file.commit()
  }

  /// `text` as a JSON string.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20:
        result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// One tensor's description.
  private struct Entry {
    let name: String
    let dtype: String
    let shape: [Int]
    let offsets: (Int, Int)
  }

  /// What a header says: a tensor per key, and metadata that does not matter here. Spaces may follow it.
  private static func entries(_ header: [UInt8]) throws(JSONError) -> [Entry] {
    let refusal = { (reason: String) in JSONError(offset: 0, reason: reason) }
    guard case .object(let members) = try JSONValue(parsing: header) else { throw refusal("an object is expected") }
    var names: Set<String> = []
    var entries: [Entry] = []
    entries.reserveCapacity(members.count)
    for member in members where member.name != "__metadata__" {
      let name = member.name
      guard names.insert(name).inserted else { throw refusal("tensor \(name) is there twice") }
      guard let dtype = member.value["dtype"]?.text, let shape = member.value["shape"]?.integers,
        let offsets = member.value["data_offsets"]?.integers, offsets.count == 2
      else { throw refusal("tensor \(name) lacks its dtype, its shape or two data_offsets") }
      entries.append(Entry(name: name, dtype: dtype, shape: shape, offsets: (offsets[0], offsets[1])))
    }
    return entries
  }
}
