/// A window that the ranks of a node use again and again, and make anew only when it must be larger: making one and touching its
/// pages for the first time takes longer than filling it.
public final class LastingWindow {
  private var window: NodeWindow?

  /// No window yet.
  public init() {}

  /// The memory as it is; nil before the first window.
  public var memory: NodeMemory? {
    guard let window = window.take() else { return nil }
    let memory = window.memory
    self.window = consume window
    return memory
  }

  /// Gives the window back if it has fewer than `byteCount` bytes. Collective over the ranks of the node; nothing in it is used
  /// any more.
  public func release(below byteCount: Int = .max, _ nodes: NodeLayout) throws(MPIError) {
    guard let window = window.take() else { return }
    if window.memory.byteCount >= byteCount {
      self.window = consume window
    } else {
      try window.free(on: nodes.node)
    }
  }

  /// Whether the ranks of this node can share `byteCount` bytes.
  public func hasRoom(for byteCount: Int) -> Bool { window != nil || NodeWindow.hasRoom(for: byteCount) }

  /// At least `byteCount` bytes that the ranks of the node share. Collective over them, after `release(below:)`.
  public func shared(_ byteCount: Int, _ nodes: NodeLayout) throws(MPIError) -> NodeMemory {
    if let memory { return memory }
    let window = try NodeWindow(byteCount: byteCount, on: nodes.node)
    let memory = window.memory
    self.window = consume window
    return memory
  }

  /// Lets every rank of the node see what any of them wrote. Collective over them.
  public func publish(_ nodes: NodeLayout) throws(MPIError) {
    guard let window = window.take() else { return }
    try window.publish(on: nodes.node)
    self.window = consume window
  }
}
