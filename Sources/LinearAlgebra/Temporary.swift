/// Temporary memory of one call, for other modules.
public enum Temporary {
  /// Calls `body` with memory for `count` numbers of undefined value, aligned to 64 bytes.
  public static func withFloats<R, E: Error>(
    _ count: Int, _ body: (UnsafeMutablePointer<Float>) throws(E) -> R
  ) throws(E) -> R {
    let scratch = Scratch(byteCount: count * MemoryLayout<Float>.stride)
    return try body(scratch.base.bindMemory(to: Float.self, capacity: count))
  }
}
