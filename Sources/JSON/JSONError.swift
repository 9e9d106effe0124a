/// Why bytes are no JSON document, or not the one that is expected.
public struct JSONError: Error, Equatable, CustomStringConvertible {
  /// The first byte that does not fit.
  public let offset: Int
  /// What is wrong with it.
  public let reason: String

  /// An error at a byte, or at 0 for a document that is JSON, but not what its reader expects.
  public init(offset: Int, reason: String) { (self.offset, self.reason) = (offset, reason) }

  /// Where, and what.
  public var description: String { offset == 0 ? reason : "byte \(offset): \(reason)" }
}
