import Calibration
import Graphs
import LinearAlgebra
import Quantization

/// What a journal belongs to: everything that decides about the bytes of the output, each under a name for people.
struct Fingerprint: Codable, Equatable, Sendable {
  /// One thing that decides.
  struct Fact: Codable, Equatable, Sendable {
    var name: String
    var value: String
  }

  var facts: [Fact]
  /// What computes: on machines of another kind the bytes may differ.
  var machine: String

  /// What differs between a journal and a run, one line for each fact.
  static func differences(journal: Fingerprint, run: Fingerprint) -> [String] {
    let (old, new) = (journal.values, run.values)
    var names = run.facts.map(\.name)
    names += journal.facts.map(\.name).filter { new[$0] == nil }
    return names.filter { old[$0] != new[$0] }
      .map { "\($0): \(old[$0] ?? "nothing") in the journal, \(new[$0] ?? "nothing") now" }
  }

  private var values: [String: String] {
    Dictionary(facts.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
  }
}

extension QuantizationRun {
  /// What the run's journal belongs to.
  ///
  /// - Parameter samples: the checksum of the samples, see `samplesChecksum`.
  func fingerprint(samples: UInt64) -> Fingerprint {
    func text(_ rule: LayerRule) -> String {
      switch rule.action {
      case .keep: "\(rule.pattern)=float"
      case .bits(let bits): "\(rule.pattern)=\(bits)"
      }
    }
    let scheme = options.scheme
    let facts: [(String, String)] = [
      ("program", options.program),
      ("model", "\(graph.checksum.hexadecimal) (structure, sizes, names and samples of all weights)"),
      ("samples", "\(feed.count), checksum \(samples.hexadecimal)"),
      ("chunks", "\(chunkPartition.chunkCount) of \(chunkPartition.chunkSize)"),
      ("--held-out", "\(heldOutPartition?.samples.count ?? 0) samples"),
      ("output", "\(writer.summary), \(options.storage.rawValue)"),
      ("--bits", "\(scheme.bits)"), ("scheme", "\(scheme.description), scales \(scheme.scaleType)"),
      ("--keep, --bits-for", options.rules.map(text).joined(separator: ", ")),
      ("--method", options.method.rawValue), ("--order", options.order.rawValue), ("--grid", options.grid.rawValue),
      ("--effort", options.effort.rawValue), ("--damping", "\(options.damping)"),
      ("--output-correction", "\(options.correctsOutputs)"), ("--drift-correction", "\(options.driftCorrection)"),
      ("--expert-tokens", "\(options.expertTokens)"), ("--propagate", options.propagation.rawValue),
      ("--compute", options.compute.rawValue),
    ]
    return Fingerprint(
      facts: facts.map { Fingerprint.Fact(name: $0.0, value: $0.1) },
      machine: "\(InstructionSet.current.description) and OpenBLAS \(BLAS.kernelName)")
  }
}

extension Chunk {
  /// The checksum of what the chunk's tables hold.
  var checksum: UInt64 {
    var sum = Checksum()
    for batch in snapshot() {
      for (value, tensor) in batch.table.tensors.sorted(by: { $0.key < $1.key }) {
        sum.add([value] + tensor.shape)
        tensor.withBytes { sum.add($0) }
      }
    }
    return sum.value
  }
}

extension Graph {
  /// A checksum of structure, names and sizes, of small constants as a whole, and of four pieces of each large one.
  ///
  /// Another checkpoint of the same architecture differs in every weight, so pieces tell it apart; reading all would take
  /// as long as a pass over the model. Pages of mapped files that were touched are given back.
  var checksum: UInt64 {
    var sum = Checksum()
    sum.add(inputs + [-1] + outputs)
    for value in values { sum.add("\(value.name) \(value.elementType?.rawValue ?? "?") \(value.shape ?? [])\n") }
    for node in nodes {
      sum.add("\(node.name) \(node.kind.rawValue)\n")
      sum.add(node.inputs.map { $0 ?? -1 } + [-2] + node.outputs.map { $0 ?? -1 })
      for (name, attribute) in node.attributes.sorted(by: { $0.key < $1.key }) {
        sum.add(name)
        if case .tensor(let tensor) = attribute {
          sum.addPieces(of: tensor)
        } else {
          sum.add("\(attribute)\n")
        }
      }
    }
    for (value, tensor) in constants.sorted(by: { $0.key < $1.key }) {
      sum.add([value])
      sum.addPieces(of: tensor)
    }
    return sum.value
  }
}

extension Checksum {
  private static let pieceBytes = 4096

  /// Adds type, shape and pieces of a tensor: all of a small one.
  fileprivate mutating func addPieces(of tensor: Tensor) {
    add("\(tensor.elementType.rawValue) \(tensor.shape)\n")
    tensor.withBytes { bytes in
      if bytes.count <= 16 * Self.pieceBytes { return add(bytes) }
      for piece in 0..<4 {
        let start = piece * (bytes.count - Self.pieceBytes) / 3
        add(UnsafeRawBufferPointer(rebasing: bytes[start..<start + Self.pieceBytes]))
      }
    }
    tensor.storage.releasePages()
  }
}
