import Calibration
import Graphs
import Models

/// Layers from a file of arrays: for each layer NAME the weights `NAME.weight`, rows x columns, and the inputs
/// `NAME.inputs`, tokens x columns.
///
/// With `NAME.bias`, one per row, the bias may change. Each layer is a stage of its own; names are sorted. For layers of a
/// network that is not an ONNX file.
struct LayerSetSource: LayerSource {
  /// Tokens of a chunk.
  private static let chunkSize = 512

  let layers: [Layer]
  let stages: [Stage]
  private let path: String
  private let weights: [Tensor]
  private let inputs: [Tensor]
  private let biased: [Bool]
  private let parts: [[SamplePart: Range<Int>]]
  private var own: [[SamplePart: [Range<Int>]]] = []

  /// Reads and checks the file.
  init(_ options: LayerOptions) throws {
    let path = options.model
    self.path = path
    if let calibration = options.calibration {
      throw CoordinationError.layerSet(
        path: options.model, reason: "a file of layers has its inputs in it; leave out --calibration \(calibration)")
    }
    let tensors = try TensorArchive.read(path)
    let suffix = ".weight"
    let names = tensors.keys.filter { $0.hasSuffix(suffix) }.map { String($0.dropLast(suffix.count)) }.sorted()
    guard !names.isEmpty else {
      throw CoordinationError.layerSet(
        path: path, reason: "no array NAME.weight; it has \(tensors.keys.sorted().prefix(8).joined(separator: ", "))")
    }
    let chosen = try options.chosen(names: names.map { [$0] }).map { names[$0] }
    var (layers, weights, inputs, biased): ([Layer], [Tensor], [Tensor], [Bool]) = ([], [], [], [])
    var parts: [[SamplePart: Range<Int>]] = []
    for (index, name) in chosen.enumerated() {
      func matrix(_ array: String) throws -> Tensor {
        guard let tensor = tensors[array] else {
          throw CoordinationError.layerSet(path: path, reason: "no array \(array) beside \(name).weight")
        }
        guard tensor.elementType == .float32, tensor.rank == 2, tensor.count > 0 else {
          throw CoordinationError.layerSet(
            path: path, reason: "\(array) is \(tensor.elementType) \(tensor.shape); a float32 matrix is needed")
        }
        return tensor
      }
      let (weight, input) = (try matrix(name + suffix), try matrix(name + ".inputs"))
      guard weight.shape[1] == input.shape[1] else {
        throw CoordinationError.layerSet(
          path: path, reason: "\(name).weight has \(weight.shape[1]) columns, \(name).inputs \(input.shape[1])")
      }
      let tokens = min(input.shape[0], options.samples ?? input.shape[0])
      guard let split = SamplePart.split(count: tokens, share: options.heldOut, batch: 1) else {
        throw CoordinationError.layerSet(
          path: path, reason: "\(tokens) rows of \(name).inputs are too few to hold out a share of \(options.heldOut)")
      }
      layers.append(
        Layer(
          name: name, node: index, weight: index, input: index, rows: weight.shape[0], columns: weight.shape[1],
          unfolding: nil, layout: .rowMajor, channelAxis: 0))
      weights.append(weight)
      inputs.append(input)
      biased.append(tensors[name + ".bias"] != nil)
      parts.append([.calibration: split.calibration, .heldOut: split.heldOut])
    }
    (self.layers, self.weights, self.inputs, self.biased, self.parts) = (layers, weights, inputs, biased, parts)
    stages = layers.indices.map { index in
      let group = InputGroup(input: index, unfolding: nil, columns: layers[index].columns, layers: [index])
      return Stage(inputGroups: [group], nodes: [])
    }
  }

  var description: [String] {
    let weights = layers.reduce(0) { $0 + $1.rows * $1.columns }
    return [
      "layers: \(path), \(layers.count) layers, \(weights) weights",
      "inputs: \(sampleCount(.calibration)) rows for calibration, \(sampleCount(.heldOut)) held out",
    ]
  }

  // Layers may have different numbers of rows; the largest describes the file, the chunks of all layers are at most its.
  func sampleCount(_ part: SamplePart) -> Int { parts.map { $0[part]!.count }.max() ?? 0 }

  func chunkCount(_ part: SamplePart) -> Int { (sampleCount(part) + Self.chunkSize - 1) / Self.chunkSize }

  func ownChunkCount(_ part: SamplePart) -> Int { own.map { $0[part]!.count }.max() ?? 0 }

  func hasBias(_ layer: Int) -> Bool { biased[layer] }

  func matrix(_ layer: Int) -> [Float] { weights[layer].array(of: Float.self) }

  mutating func open(rank: Int, size: Int) throws {
    own = parts.map { parts in
      parts.mapValues { samples in
        guard !samples.isEmpty else { return [] }
        let partition = ChunkPartition(samples: samples, chunkSize: Self.chunkSize)
        return partition.chunks(ofRank: rank, size: size).map { partition.samples(ofChunk: $0) }
      }
    }
  }

  func advance(to stage: Int, _ part: SamplePart, threads: Int) throws {}

  func columns(of group: InputGroup, chunk: Int, _ part: SamplePart) throws(HessianError) -> InputColumns {
    let chunks = own[group.input][part]!
    guard chunks.indices.contains(chunk) else { return try InputColumns(group: group, tensors: []) }
    let (rows, columns) = (chunks[chunk], group.columns)
    let tensor = inputs[group.input].withElements(as: Float.self) { elements in
      Tensor(
        Array(elements[rows.lowerBound * columns..<rows.upperBound * columns]), shape: [rows.count, columns])
    }
    return try InputColumns(group: group, tensors: [tensor])
  }

  func describe(_ error: HessianError, in group: InputGroup, chunk: Int, _ part: SamplePart) -> String {
    let rows = own[group.input][part]![chunk]
    if case .notFinite(_, let row) = error { return "row \(rows.lowerBound + row) of the inputs" }
    return "rows \(rows.lowerBound) to \(rows.upperBound - 1) of the inputs"
  }
}
