import Graphs
import LinearAlgebra
import MPI
import Quantization

extension QuantizationRun {
  /// Gathers all ranks' rows on every rank.
  ///
  /// Afterwards `quantized` holds the layers in `members`, and the graph runs with their dequantized weights.
  mutating func gather(
    _ own: [UInt8], members: [Int], _ partition: RowPartition, _ world: borrowing Communicator
  ) throws {
    // The memory of sums is free: they are at their owners.
    let gathered = try timer.measure(.gather) { try RowExchange(own, nodes!, sumMemory, world) }
    timer.measure(.replace) { assemble(gathered, members: members, partition) }
  }

  /// The message of each of some of this rank's ranges, which are in line order; a range may be solved in several parts by several
  /// threads.
  func solve(
    _ ranges: [RowRange], members: [Int], factors: [Int: [SharedFactor]], drifts: [Int: [DriftCorrection]]
  ) throws -> [[UInt8]] {
    let (layers, options) = (layers, options)
    let total = ranges.reduce(0) { $0 + $1.rows.count }
    let part = max(1, total / (4 * options.threads * RowPartition.tileRows)) * RowPartition.tileRows
    let limit = options.threads == 1 ? 1024 : min(part, 1024)
    let parts = ranges.flatMap { range in
      stride(from: range.rows.lowerBound, to: range.rows.upperBound, by: limit).map { start in
        RowRange(
          layer: range.layer, hessian: range.hessian, rows: start..<min(start + limit, range.rows.upperBound))
      }
    }
    // What the parts of one layer share is prepared once: its matrix, and the solver of each Hessian.
    let lineLayers = Array(Set(ranges.map(\.layer))).sorted()
    let matrices = Dictionary(
      uniqueKeysWithValues: lineLayers.map { line in
        let planned = layers[members[line]]
        // A grid of the whole tensor takes all rows.
        let all = planned.scheme.granularity == .tensor ? planned.rowRanges(line) : ranges.filter { $0.layer == line }
        return (line, target(of: planned, drifts[members[line]], ranges: all))
      })
    let solverKeys = Array(Set(ranges.map { [$0.layer, $0.hessian] }))
    let tensorGrids = try lineLayers.reduce(into: [Int: TensorGrid]()) { grids, line in
      grids[line] = try layers[members[line]].tensorGrid(
        matrix: matrices[line]!, factors: factors[members[line]], grid: options.grid)
    }
    let built = Parallel.map(solverKeys.count, threads: options.threads) { index -> RowSolver in
      let (line, hessian) = (solverKeys[index][0], solverKeys[index][1])
      return RowSolver(
        factor: factors[members[line]]![hessian], scheme: layers[members[line]].scheme, grid: options.grid,
        method: options.method, effort: options.effort, tensorGrid: tensorGrids[line])
    }
    let solvers = Dictionary(uniqueKeysWithValues: zip(solverKeys, built))
    let blocks = try Parallel.map(parts.count, threads: options.threads) { index throws -> RowBlock in
      let range = parts[index]
      let columns = layers[members[range.layer]].layer.columns
      do {
        return try matrices[range.layer]!.withUnsafeBufferPointer { matrix in
          let rows = matrix[range.rows.lowerBound * columns..<range.rows.upperBound * columns]
          return try solvers[[range.layer, range.hessian]]!.solve(
            weights: UnsafeBufferPointer(rebasing: rows), rows: range.rows.count)
        }
      } catch let error as QuantizationError {
        throw CoordinationError.layer(name: layers[members[range.layer]].layer.name, reason: error.description)
      }
    }
    var next = 0
    return ranges.map { range in
      let first = next
      while next < parts.count, parts[next].layer == range.layer, parts[next].hessian == range.hessian { next += 1 }
      return RowMessage.bytes(of: blocks[first..<next])
    }
  }

  /// Puts the gathered rows together and lets the graph run with the new weights.
  private mutating func assemble(_ gathered: RowExchange, members: [Int], _ partition: RowPartition) {
    let (layers, graph, threads) = (layers, graph, options.threads)
    for (rank, ranges) in partition.pieces.enumerated() {
      gathered.withBytes(ofRank: rank) { bytes in
        var reader = RowMessage.Reader(bytes)
        for range in ranges {
          let member = members[range.layer]
          quantized[member]!.place(reader.next(range, layers[member]), rows: range.rows)
        }
      }
    }
    let solved = members.map { quantized[$0]! }
    // Small layers side by side, the rows of large ones: so there is one large float matrix at a time.
    let isSmall = members.allSatisfy { layers[$0].layer.rows * layers[$0].layer.columns <= 1 << 18 }
    let rowThreads = isSmall ? 1 : threads
    let made = Parallel.map(members.count, threads: threads / rowThreads) { index -> (Double, Tensor, Tensor?) in
      let (planned, result) = (layers[members[index]], solved[index])
      let layer = planned.layer
      let matrix = result.dequantized(planned, threads: rowThreads)
      var corrected: Tensor?
      if let bias = planned.bias, !result.inputMeans.isEmpty {
        let before = graph.constants[bias]!
        let after = result.correctedBias(
          planned, bias: before.array(of: Float.self), original: layer.matrix(from: graph.constants[layer.weight]!),
          dequantized: matrix, threads: rowThreads)
        corrected = Tensor(after, shape: before.shape)
      }
      let weight = Self.replacement(of: layer, by: matrix, graph)
      return (result.expectedLoss(planned), weight, corrected)
    }
    for (member, (loss, weight, bias)) in zip(members, made) {
      quantized[member]!.predictedLoss = loss
      quantized[member]!.pivots = []
      weights[layers[member].layer.weight] = weight
      if let bias { weights[layers[member].bias!] = bias }
    }
  }

  /// What the graph runs with in place of a layer's weight: `matrix` (rows x columns, row-major) in the weight's order; in
  /// bfloat16 where the layer reads that.
  func replacement(of layer: Layer, by matrix: [Float]) -> Tensor { Self.replacement(of: layer, by: matrix, graph) }

  private static func replacement(of layer: Layer, by matrix: [Float], _ graph: Graph) -> Tensor {
    let tensor = Tensor(layer.tensorOrder(matrix), shape: graph.constants[layer.weight]!.shape)
    return graph.values[layer.input].elementType == .bfloat16 ? tensor.narrowedToBFloat16 : tensor
  }
}
