/// An immutable array of any rank, row-major and contiguous.
///
/// Copying a tensor shares its memory. A shape without dimensions is a scalar (one element); a dimension of 0
/// makes an empty tensor.
public struct Tensor: Sendable {
  /// The type of the elements.
  public let elementType: ElementType
  /// The length of each dimension, slowest first.
  public let shape: [Int]
  /// The memory that holds the elements, from its first byte.
  public let storage: TensorStorage

  /// Number of elements: the product of the dimensions.
  public var count: Int { shape.reduce(1, *) }
  /// Number of dimensions.
  public var rank: Int { shape.count }

  /// Gives `storage` a shape; the storage must hold exactly as many bytes as shape and type need.
  public init(elementType: ElementType, shape: [Int], storage: TensorStorage) {
    precondition(
      shape.reduce(1, *) * elementType.byteCount == storage.byteCount,
      "\(shape) of \(elementType) does not fill \(storage.byteCount) bytes")
    (self.elementType, self.shape, self.storage) = (elementType, shape, storage)
  }

  /// Makes a tensor whose elements `fill` writes, all of them.
  public init<Element: TensorElement, E: Error>(
    shape: [Int], of type: Element.Type = Element.self,
    fill: (UnsafeMutableBufferPointer<Element>) throws(E) -> Void
  ) throws(E) {
    let count = shape.reduce(1, *)
    let storage = try TensorStorage(byteCount: count * MemoryLayout<Element>.stride) { bytes throws(E) in
      try fill(bytes.bindMemory(to: Element.self))
    }
    self.init(elementType: Element.elementType, shape: shape, storage: storage)
  }

  /// Copies `elements`, whose count must be the product of `shape`.
  public init<Element: TensorElement>(_ elements: [Element], shape: [Int]) {
    precondition(elements.count == shape.reduce(1, *), "\(elements.count) elements for shape \(shape)")
    self.init(shape: shape, of: Element.self) { buffer in _ = buffer.update(fromContentsOf: elements) }
  }

  /// A scalar.
  public init<Element: TensorElement>(scalar: Element) { self.init([scalar], shape: []) }

  /// The same elements under another shape of the same count; shares the memory.
  public func reshaped(_ shape: [Int]) -> Tensor {
    Tensor(elementType: elementType, shape: shape, storage: storage)
  }

  /// Calls `body` with the elements, which must have the Swift type `Element`.
  public func withElements<Element: TensorElement, R, E: Error>(
    as type: Element.Type = Element.self, _ body: (UnsafeBufferPointer<Element>) throws(E) -> R
  ) throws(E) -> R {
    precondition(type.elementType == elementType, "elements are \(elementType), not \(type.elementType)")
    let start = UnsafePointer(storage.base.assumingMemoryBound(to: Element.self))
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeBufferPointer(start: start, count: count))
  }

  /// Calls `body` with the bytes of all elements.
  public func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeRawBufferPointer(start: storage.base, count: storage.byteCount))
  }

  /// A copy of the elements, which must have the Swift type `Element`.
  public func array<Element: TensorElement>(of type: Element.Type = Element.self) -> [Element] {
    withElements(as: type) { Array($0) }
  }
}
