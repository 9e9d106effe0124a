/// A tensor that is to be written: its size is known before its bytes exist.
struct OutgoingTensor: Sendable {
  private enum Content: Sendable {
    case stored(SharedBytes)
    case made(@Sendable () throws(ModelError) -> [UInt8])
  }

  /// The tensor's name.
  var name: String
  /// The type of its elements, as safetensors calls it.
  let dtype: String
  let shape: [Int]
  /// Size in bytes.
  let byteCount: Int
  private let content: Content

  /// A tensor whose bytes stand somewhere already.
  init(name: String, dtype: String, shape: [Int], bytes: SharedBytes) {
    (self.name, self.dtype, self.shape) = (name, dtype, shape)
    (byteCount, content) = (bytes.count, .stored(bytes))
  }

  /// A tensor of `Element`s that `make` computes when it is written.
  init<Element: BitwiseCopyable & Sendable>(
    name: String, dtype: String, shape: [Int], of type: Element.Type,
    make: @escaping @Sendable () throws(ModelError) -> [Element]
  ) {
    (self.name, self.dtype, self.shape) = (name, dtype, shape)
    byteCount = shape.reduce(MemoryLayout<Element>.stride, *)
    content = .made { () throws(ModelError) -> [UInt8] in try make().withUnsafeBytes { Array($0) } }
  }

  /// Bytes of a mapped file that are written at a time.
  private static let pieceBytes = 8 << 20

  /// Appends the bytes, little-endian, to `file`. Of a mapped file no more than a piece stays in memory.
  func write(to file: inout AtomicFile) throws(ModelError) {
    switch content {
    case .stored(let bytes):
      precondition(bytes.count == byteCount, "\(name): \(bytes.count) bytes, not \(byteCount)")
      var start = 0
      while start < bytes.count {
        let piece = bytes.slice(start..<min(start + Self.pieceBytes, bytes.count))
        try piece.withBytes { buffer throws(ModelError) in try file.write(buffer) }
        piece.releasePages()
        start += piece.count
      }
    case .made(let make):
      let bytes = try make()
      precondition(bytes.count == byteCount, "\(name): \(bytes.count) bytes, not \(byteCount)")
      try bytes.withUnsafeBufferPointer { buffer throws(ModelError) in
        try file.write(UnsafeRawBufferPointer(buffer))
      }
    }
  }
}
