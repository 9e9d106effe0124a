import MPI

/// Sends files from rank 0 to one rank of each node that lacks them, in a pipeline between nodes, as factors travel.
struct FileTransfer {
  /// Rank 0, then one rank of each node.
  let route: [Int]
  /// Bytes of a message; each goes through the pipeline in segments.
  private static let blockBytes = 16 << 20

  /// Sends the files of `manifest`; on receiving ranks they appear in `folder`. Collective over all ranks.
  ///
  /// A rank that cannot read or write goes on passing on what comes, so that nobody waits for it; after each file all learn of it.
  func run(_ manifest: FileManifest, to folder: String?, _ world: borrowing Communicator) throws {
    let takesPart = route.contains(world.rank)
    let block = NodeMemory(byteCount: takesPart ? min(Self.blockBytes, manifest.entries.map(\.size).max() ?? 0) : 0)
    for entry in manifest.entries {
      var problem: FileProblem?
      if takesPart { problem = try send(entry, manifest, to: folder, block, world) }
      try world.collectively {
        guard let problem else { return }
        throw CoordinationError.access(
          path: (world.rank == 0 ? manifest.folder : folder!) + "/" + entry.name, reason: problem.reason)
      }
    }
  }

  private func send(
    _ entry: FileManifest.Entry, _ manifest: FileManifest, to folder: String?, _ block: NodeMemory,
    _ world: borrowing Communicator
  ) throws(MPIError) -> FileProblem? {
    var (input, output, problem) = (InputFile?.none, OutputFile?.none, FileProblem?.none)
    do throws(FileProblem) {
      if world.rank == 0 {
        input = try InputFile(manifest.folder + "/" + entry.name)
        if let input, input.size != entry.size { throw FileProblem("it changed while it was read") }
      } else {
        output = try OutputFile(entry.name, in: folder!, size: entry.size)
      }
    } catch {
      (input, output, problem) = (nil, nil, error)
    }
    for start in stride(from: 0, to: entry.size, by: Self.blockBytes) {
      let count = min(Self.blockBytes, entry.size - start)
      let bytes = UnsafeMutableRawBufferPointer(block.mutableElements(of: UInt8.self, at: 0, count: count))
      do throws(FileProblem) { try input?.read(into: bytes, at: start) } catch { (input, problem) = (nil, error) }
      try world.pipelinedBroadcast(block, 0..<count, along: route)
      do throws(FileProblem) { try output?.write(UnsafeRawBufferPointer(bytes), at: start) } catch {
        (output, problem) = (nil, error)
      }
    }
    return problem
  }
}
