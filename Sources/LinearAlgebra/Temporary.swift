internal import CKernels

/// Temporary memory of one call, for other modules.
public enum Temporary {
  /// Calls `body` with memory for `count` numbers of undefined value, aligned to 64 bytes.
  public static func withFloats<R, E: Error>(
    _ count: Int, _ body: (UnsafeMutablePointer<Float>) throws(E) -> R
  ) throws(E) -> R {
    let scratch = Scratch(byteCount: count * MemoryLayout<Float>.stride)
    return try body(scratch.base.bindMemory(to: Float.self, capacity: count))
  }

  /// Gives memory that waits for reuse, here and in the allocator, back to the system.
  public static func releaseIdle() {
    Scratch.releaseIdle()
    kernels_trim_allocator()
  }

  /// Bounds the bytes that the allocator keeps at the end of its heap; large memory goes back to the system when it is freed.
  public static func limitIdle(to bytes: Int) { kernels_limit_allocator(Int64(bytes)) }
}
