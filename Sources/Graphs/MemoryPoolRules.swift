/// What memory of tensors that are gone is kept for those that come; for those who foretell it, too.
public enum MemoryPoolRules {
  /// Bytes that wait at most, unless there is a limit.
  public static let limit = 256 << 20
  /// Blocks below this size are not kept: the allocator keeps them itself.
  public static let smallest = 256 << 10
  /// From this size on, memory is asked for in large pages.
  public static let large = 4 << 20
}
