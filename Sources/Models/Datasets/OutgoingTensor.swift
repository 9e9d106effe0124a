/// A tensor that is to be written: its size is known before its bytes exist.
struct OutgoingTensor: Sendable {
  private enum Content: Sendable {
    case stored(SharedBytes)
    case made(@Sendable () -> [UInt8])
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
    name: String, dtype: String, shape: [Int], of type: Element.Type, make: @escaping @Sendable () -> [Element]
  ) {
    (self.name, self.dtype, self.shape) = (name, dtype, shape)
    byteCount = shape.reduce(MemoryLayout<Element>.stride, *)
    content = .made { make().withUnsafeBytes { Array($0) } }
  }

  /// Calls `body` with the bytes, little-endian.
  func withBytes(_ body: (UnsafeRawBufferPointer) throws(ModelError) -> Void) throws(ModelError) {
    switch content {
    case .stored(let bytes): try bytes.withBytes(body)
    case .made(let make):
      let bytes = SharedBytes(make())
      try bytes.withBytes(body)
    }
  }
}
