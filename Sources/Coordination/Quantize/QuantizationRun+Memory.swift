import Foundation
import Graphs
import LinearAlgebra
import MPI
import Models

extension QuantizationRun {
  /// Finds what may be done at a time within the memory limit, if there is one, and bounds what allocators keep. Collective.
  ///
  /// Throws, before any work, if the run cannot do with so little.
  mutating func limitMemory(_ nodes: NodeLayout, _ world: borrowing Communicator) throws {
    guard let limit = options.memoryLimit else { return }
    let (bounds, expected, storage) = try world.collectively { () -> (MemoryBounds, Int, ChunkStorage) in
      let model = MemoryModel(
        self, shapes: try ChunkShapes(self), nodes: nodes.nodes, threads: options.threads)
      let bounds = try model.bounds(limit: limit)
      let expected = model.memory(bounds).perRank
      if bounds.residentChunks == .max { return (bounds, expected, ChunkStorage()) }
      return (bounds, expected, ChunkStorage(try ScratchFile(folder: scratchFolder), resident: bounds.residentChunks))
    }
    (self.bounds, self.storage) = (bounds, storage)
    // Ranks may have different threads, but they form and solve the same groups together.
    self.bounds.sums = Int(try world.allReduce(Int64(bounds.sums), .minimum, waiting: .polite))
    self.bounds.wave = Int(try world.allReduce(Int64(bounds.wave), .minimum, waiting: .polite))
    let waits =
      bounds.residentChunks == .max
      ? "activations in memory" : "activations beyond \(bounds.residentChunks) chunks of a rank in \(scratchFolder)"
    progress.note(
      "memory limit: \(limit >> 20) MiB per rank, of which \(expected >> 20) are expected to be used; \(waits); threads that compute \(bounds.threads), "
        + "factor \(bounds.factorThreads); chunks that are forwarded at a time \(bounds.forwardChunks), summed \(bounds.sumChunks)"
    )
    TensorStorage.limitIdleMemory(to: bounds.idleBytes / 2)
    Temporary.limitIdle(to: bounds.idleBytes / 4)
  }

  /// That of the output, unless this node has not got it.
  private var scratchFolder: String {
    if let scratch = options.scratch { return scratch }
    let folder = FilePath.parent(of: options.output)
    if access(folder, W_OK | X_OK) == 0 { return folder }
    return ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
  }

  /// Gives memory that waits for reuse back to the system, if there is a limit.
  func trimMemory() {
    guard bounds.limit != nil else { return }
    Temporary.releaseIdle()
  }

  /// The same, and the memory of sums and factors that ranks share, which nobody uses any more. Collective over the ranks of a node.
  func trimMemory(_ nodes: NodeLayout) throws {
    guard bounds.limit != nil else { return }
    try releaseWindows(nodes)
    trimMemory()
  }

  /// Gives back all memory that the ranks of a node share. Collective over them.
  func releaseWindows(_ nodes: NodeLayout) throws {
    try factorMemory.release(nodes)
    try factorWorkspace.release(nodes)
    try sumMemory.release(nodes)
  }

  /// Puts all chunks away, which have just been read. Collective.
  func putAway(_ world: borrowing Communicator) throws {
    guard storage.scratch != nil else { return }
    try world.collectively {
      for (number, chunk) in (chunks + (heldOut?.quantized ?? [])).enumerated() {
        try storage.putAway(chunk, number: number)
      }
      for (number, chunk) in (heldOut?.float ?? []).enumerated() {
        try storage.putAway(chunk, number: chunks.count + number)
      }
    }
  }

  /// Tables of a mapped model that are read row by row, such as embeddings: their pages are given back after each chunk, since
  /// samples touch more and more of them.
  var mappedTables: [TensorStorage] {
    guard bounds.limit != nil else { return [] }
    return graph.keeps.keys.compactMap { graph.constants[$0]?.storage }.filter(\.isInFile)
  }
}
