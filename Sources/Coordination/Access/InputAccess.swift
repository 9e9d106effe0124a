import Foundation
import MPI
import Models

/// The files that a run reads, where this rank can open them.
///
/// Rank 0 opens what the user names. A node that does not have the same files under the same names gets a copy from rank 0 into a folder
/// of its own, which is removed as soon as its ranks have opened all of them (`release`), or with the last reference.
public final class InputAccess {
  /// One of the things that are read.
  public enum Input: Sendable {
    /// An ONNX file with its external data, or the folder of a language model.
    case model(String)
    /// A file of samples, or a folder of such.
    case samples(String)
    /// A file that only rank 0 reads.
    case onlyFirstRank(String)

    /// As the user names it.
    var path: String {
      switch self {
      case .model(let path), .samples(let path), .onlyFirstRank(let path): path
      }
    }
  }

  /// For each input the path by which this rank opens it.
  public private(set) var paths: [String]
  /// What was sent, for the start of the run; empty if nothing.
  public private(set) var description: [String] = []
  private var folder: ScratchFolder?

  /// Finds out what each node lacks, and sends it. Collective; every rank passes the same kinds of inputs, rank 0's paths count.
  ///
  /// With one node nothing is done. Throws on all ranks if rank 0 cannot read the inputs; with `shared` also if a node lacks one.
  ///
  /// `RANKWISE_NODES_WITHOUT_FILES=1,2` in rank 0's environment, which is for tests, hides all inputs from these nodes.
  ///
  /// - Parameter scratch: the folder in which copies are put; nil for `TMPDIR`, or `/tmp`.
  public init(
    _ inputs: [Input], _ access: ModelAccess, scratch: String?, _ world: borrowing Communicator
  ) throws {
    paths = inputs.map(\.path)
    let nodes = try NodeLayout.ofRun(world)
    if nodes.nodes.count == 1 { return }
    let hidden = try Self.hiddenNodes(nodes, world)
    let node = nodes.nodeOfRank[world.rank]
    if hidden.contains(node) { paths = paths.map { "/nonexistent/" + $0 } }

    let manifests = try Self.agreed(inputs, world)
    let isFirst = nodes.nodes[node][0] == world.rank
    let lacks: [Bool] = try world.collectively {
      guard isFirst, node > 0 else { return manifests.map { _ in false } }
      return try zip(manifests, paths).map { manifest, path in
        guard let manifest else { return false }
        if access == .scatter { return true }
        let folder = manifest.opensFolder ? path : FilePath.parent(of: path)
        guard let (path, reason) = manifest.difference(under: folder) else { return false }
        if access == .auto { return true }
        throw CoordinationError.access(
          path: path,
          reason:
            "\(reason); every node must have what rank 0 reads, under the same name, or get it: --model-access scatter")
      }
    }
    try send(manifests, lacks, nodes, scratch: scratch, world)
  }

  /// What rank 0 says of its files; nil for inputs that nobody else needs. Collective.
  private static func agreed(_ inputs: [Input], _ world: borrowing Communicator) throws -> [FileManifest?] {
    let text = try world.collectively {
      guard world.rank == 0 else { return "" }
      let own = try inputs.map { input -> FileManifest? in
        switch input {
        case .model(let path): try FileManifest(InputFiles(model: path))
        case .samples(let path): try FileManifest(InputFiles(samples: path))
        case .onlyFirstRank: nil
        }
      }
      return String(decoding: try JSONEncoder().encode(own), as: UTF8.self)
    }
    let received = try world.broadcastValue(text, root: 0, waiting: .polite)
    return try world.collectively {
      let manifests = try JSONDecoder().decode([FileManifest?].self, from: Data(received.utf8))
      for manifest in manifests { try manifest?.check() }
      return manifests
    }
  }

  /// Sends each input to the nodes that lack it. Collective.
  ///
  /// - Parameter lacks: for each input whether this node lacks it; what the first rank of a node says counts.
  private func send(
    _ manifests: [FileManifest?], _ lacks: [Bool], _ nodes: NodeLayout, scratch: String?,
    _ world: borrowing Communicator
  ) throws {
    let own = lacks.map { Int64($0 ? 1 : 0) }
    let all = try world.allGather(own.span, waiting: .polite)
    func isLacking(_ input: Int, _ node: Int) -> Bool { all[nodes.nodes[node][0] * lacks.count + input] == 1 }
    let node = nodes.nodeOfRank[world.rank]
    let isFirst = nodes.nodes[node][0] == world.rank
    let missing = manifests.indices.filter { isLacking($0, node) }
    folder = try world.collectively {
      guard isFirst, !missing.isEmpty else { return nil }
      return try ScratchFolder(in: scratch, byteCount: missing.reduce(0) { $0 + manifests[$1]!.byteCount })
    }
    // The other ranks of the node read what its first one gets.
    let place = try nodes.node.broadcastValue(folder?.path ?? "", root: 0, waiting: .polite)
    var (bytes, receivers) = (0, Set<Int>())
    for (input, manifest) in manifests.enumerated() {
      let lacking = nodes.nodes.indices.filter { isLacking(input, $0) }
      guard let manifest, !lacking.isEmpty else { continue }
      let target = lacking.contains(node) ? "\(place)/\(input)" : nil
      try FileTransfer(route: [0] + lacking.map { nodes.nodes[$0][0] }).run(manifest, to: target, world)
      if let target { paths[input] = manifest.path(in: target) }
      bytes += manifest.byteCount
      receivers.formUnion(lacking)
    }
    if bytes > 0 {
      let megabytes = (Double(bytes) / 1e4).rounded() / 100
      description = ["files: \(megabytes) MB sent to \(receivers.count) of \(nodes.nodes.count) nodes, which lack them"]
    }
  }

  /// Removes this node's copies: all its ranks have opened them, and what is mapped stays readable. Collective.
  public func release(_ world: borrowing Communicator) throws(MPIError) {
    if world.size == 1 { return }
    try world.barrier(waiting: .polite)
    folder = nil
  }

  /// The nodes that inputs are hidden from. Collective.
  private static func hiddenNodes(_ nodes: NodeLayout, _ world: borrowing Communicator) throws -> Set<Int> {
    let variable = "RANKWISE_NODES_WITHOUT_FILES"
    let own: [Int64] = try world.collectively {
      guard world.rank == 0, let text = ProcessInfo.processInfo.environment[variable] else { return [] }
      return try text.split(separator: ",", omittingEmptySubsequences: false).map { word in
        guard let node = Int64(word), (1..<Int64(nodes.nodes.count)).contains(node) else {
          throw CoordinationError.environment(
            variable: variable, value: text,
            wanted: "numbers of nodes from 1 to \(nodes.nodes.count - 1), separated by commas")
        }
        return node
      }
    }
    return Set(try world.broadcastValue(own, root: 0, waiting: .polite).map { Int($0) })
  }
}
