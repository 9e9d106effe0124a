import MPI

/// The memory that the factors of one stage after the other are in, or the sums: of ranks that share a node's, one window that lasts,
/// since making one and touching its pages for the first time takes longer than filling it.
final class FactorMemory {
  private var window: NodeWindow?
  /// Where the ranks of a node make factors together.
  let workspace = FactorWorkspace()

  /// Gives the window back if it has fewer than `byteCount` bytes. Collective over the ranks of the node; nothing in it is used
  /// any more.
  func release(below byteCount: Int = .max, _ nodes: NodeLayout) throws(MPIError) {
    if byteCount == .max { try workspace.release(nodes) }
    guard let window = window.take() else { return }
    if window.memory.byteCount >= byteCount {
      self.window = consume window
    } else {
      try window.free(on: nodes.node)
    }
  }

  /// Whether the ranks of this node can share `byteCount` bytes.
  func hasRoom(for byteCount: Int) -> Bool { window != nil || NodeWindow.hasRoom(for: byteCount) }

  /// At least `byteCount` bytes that the ranks of the node share. Collective over them, after `release(below:)`.
  func shared(_ byteCount: Int, _ nodes: NodeLayout) throws(MPIError) -> NodeMemory {
    if let window = window.take() {
      let memory = window.memory
      self.window = consume window
      return memory
    }
    let window = try NodeWindow(byteCount: byteCount, on: nodes.node)
    let memory = window.memory
    self.window = consume window
    return memory
  }

  /// Lets every rank of the node see what any of them wrote. Collective over them.
  func publish(_ nodes: NodeLayout) throws(MPIError) {
    guard let window = window.take() else { return }
    try window.publish(on: nodes.node)
    self.window = consume window
  }
}
