import Graphs
import Synchronization

/// Where a rank's chunks are while no thread works on them: in memory, or beyond a number of them in a scratch file.
struct ChunkStorage: Sendable {
  /// Tensors below this size stay in memory.
  static let smallest = 64 << 10

  /// The file; nil if all chunks stay in memory.
  let scratch: ScratchFile?
  /// Chunks from this number on are in the file.
  let resident: Int

  /// All chunks in memory.
  init() { (scratch, resident) = (nil, .max) }

  /// Chunks from number `resident` on in `scratch`.
  init(_ scratch: ScratchFile, resident: Int) { (self.scratch, self.resident) = (scratch, resident) }

  /// Puts a chunk away that a thread has worked on. Throws if the scratch file cannot be written.
  ///
  /// - Parameter number: that of the chunk among the rank's, those held out counted behind the others.
  func putAway(_ chunk: Chunk, number: Int) throws(CoordinationError) {
    guard let scratch, number >= resident else { return }
    for (index, batch) in chunk.snapshot().enumerated() {
      var table = batch.table
      var stored: [ObjectIdentifier: TensorStorage] = [:]
      for (value, tensor) in batch.table.tensors where tensor.storage.byteCount >= Self.smallest {
        if tensor.storage.isInFile {
          tensor.storage.releasePages()
          continue
        }
        let identity = ObjectIdentifier(tensor.storage)
        let storage: TensorStorage
        if let known = stored[identity] { storage = known } else { storage = try scratch.store(tensor).storage }
        stored[identity] = storage
        table[value] = Tensor(elementType: tensor.elementType, shape: tensor.shape, storage: storage)
      }
      chunk.commit(table, batch: index)
    }
  }
}
