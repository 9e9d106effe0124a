/// How tensors are divided among the files of a checkpoint.
struct Shards: Sendable {
  /// A file and its tensors in the order in which they are written.
  let files: [(name: String, tensors: [OutgoingTensor])]

  /// Fills one file after the other with `tensors` in their order.
  ///
  /// - Parameter limit: bytes of tensors of a file, unless a single one is larger.
  init(_ tensors: [OutgoingTensor], limit: Int) {
    var parts: [[OutgoingTensor]] = [[]]
    var size = 0
    for tensor in tensors {
      if size + tensor.byteCount > limit, !parts[parts.count - 1].isEmpty {
        parts.append([])
        size = 0
      }
      parts[parts.count - 1].append(tensor)
      size += tensor.byteCount
    }
    files = parts.enumerated().map { index, part in
      // Wide elements first, as the reference writer does, so that all stay aligned.
      let sorted = part.map { (tensor: $0, width: StoredTensor.byteCount(ofElement: $0.dtype) ?? 1) }
        .sorted { ($1.width, $0.tensor.name) < ($0.width, $1.tensor.name) }
      return (Self.name(index, of: parts.count), sorted.map(\.tensor))
    }
  }

  private static func name(_ index: Int, of count: Int) -> String {
    if count == 1 { return "model.safetensors" }
    func padded(_ number: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
    return "model-\(padded(index + 1))-of-\(padded(count)).safetensors"
  }

  /// The text of `model.safetensors.index.json`; nil for one file, which needs none.
  var index: String? {
    guard files.count > 1 else { return nil }
    let size = files.reduce(0) { $1.tensors.reduce($0) { $0 + $1.byteCount } }
    let map = files.flatMap { file in file.tensors.map { ($0.name, file.name) } }.sorted { $0.0 < $1.0 }
    let lines = map.map { "    \(SafetensorsFile.quoted($0)): \(SafetensorsFile.quoted($1))" }
    return """
      {
        "metadata": {
          "total_size": \(size)
        },
        "weight_map": {
      \(lines.joined(separator: ",\n"))
        }
      }

      """
  }
}
