internal import CMPI

extension Communicator {
  /// Calls `body` with the start and the length of consecutive blocks that cover `0 ..< count`.
  func forEachBlock(_ count: Int, _ body: (Int, Int32) throws(MPIError) -> Void) throws(MPIError) {
    var start = 0
    while start < count {
      let length = min(blockSize, count - start)
      try body(start, Int32(length))
      start += length
    }
  }

  /// Runs one call of the library to its end: the blocking one, or the non-blocking twin and a polite wait.
  ///
  /// `begin` gets `nil` for the blocking call.
  func complete(
    _ call: String, _ waiting: Waiting, _ begin: (UnsafeMutablePointer<CMPIRequest>?) -> Int32
  ) throws(MPIError) {
    switch waiting {
    case .busy:
      try check(call, begin(nil))
    case .polite:
      let transfers = Transfers(call, kind: .uint8)
      try unsafe transfers.start { unsafe begin($0) }
      try transfers.wait(.polite)
    }
  }
}

/// Elements in memory without their Swift type: what a call of the library is told.
@safe struct Elements {
  let base: UnsafeMutableRawPointer?
  let count: Int
  let kind: ElementKind

  init(_ base: UnsafeMutableRawPointer?, count: Int, kind: ElementKind) {
    unsafe self.base = base
    self.count = count
    self.kind = kind
  }

  init<Element: MPIElement>(_ buffer: UnsafeMutableBufferPointer<Element>) {
    unsafe self.init(UnsafeMutableRawPointer(buffer.baseAddress), count: buffer.count, kind: Element.elementKind)
  }

  /// The library never writes through the pointer of an input.
  init<Element: MPIElement>(reading buffer: UnsafeBufferPointer<Element>) {
    unsafe self.init(UnsafeMutableBufferPointer(mutating: buffer))
  }

  /// Address of the element `index`.
  func pointer(at index: Int) -> UnsafeMutableRawPointer? {
    unsafe base.map { unsafe $0 + index * kind.stride }
  }

  /// Copies `count` elements of `other` from its `otherStart` to `start`.
  func copy(_ other: Elements, from otherStart: Int, to start: Int, count: Int) {
    if count == 0 { return }
    unsafe pointer(at: start)!.copyMemory(from: other.pointer(at: otherStart)!, byteCount: count * kind.stride)
  }
}

extension Span where Element: MPIElement {
  /// Calls `body` with the memory of the elements.
  func withElements<Result>(_ body: (Elements) throws(MPIError) -> Result) throws(MPIError) -> Result {
    try unsafe withUnsafeBufferPointer { (buffer) throws(MPIError) in try body(unsafe Elements(reading: buffer)) }
  }
}

extension MutableSpan where Element: MPIElement {
  /// Calls `body` with the memory of the elements.
  mutating func withElements<Result>(_ body: (Elements) throws(MPIError) -> Result) throws(MPIError) -> Result {
    try unsafe withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in try body(unsafe Elements(buffer)) }
  }
}
