import Graphs
import MPI

extension OutputStatistics {
  /// Adds one batch, whose first sample is number `first`.
  mutating func add(
    _ outputs: [Tensor], _ truth: [Tensor]?, labels: [Int]?, first: Int, _ graph: Graph
  ) throws {
    if let truth {
      for (index, (output, reference)) in zip(outputs, truth).enumerated() {
        guard output.shape == reference.shape else {
          throw CoordinationError.reference(
            path: graph.values[graph.outputs[index]].name,
            reason: "shape \(output.shape), but \(reference.shape) in the reference model")
        }
        if output.elementType == .float32, reference.elementType == .float32 {
          compare(output, reference, index: index)
        }
      }
    }
    guard let index = outputs.firstIndex(where: { $0.rank == 2 && $0.elementType == .float32 }) else {
      if labels != nil {
        throw CoordinationError.labels(path: "labels", reason: "the model has no output of shape (samples, classes)")
      }
      return
    }
    let predicted = Self.largest(outputs[index])
    if let labels {
      correct += Double(predicted.indices.filter { predicted[$0] == labels[first + $0] }.count)
    }
    if let truth {
      agreeing += Double(zip(predicted, Self.largest(truth[index])).filter { $0 == $1 }.count)
    }
  }

  /// The statistics of all ranks' chunks, added in chunk order, on every rank. Collective.
  ///
  /// - Parameter outputs: number of outputs of the model.
  static func sum(
    _ own: [OutputStatistics], outputs: Int, _ world: borrowing Communicator
  ) throws -> OutputStatistics {
    let width = width(outputs: outputs)
    let flat = own.flatMap { $0.flat }
    let all = try world.allGatherv(flat.span, waiting: .polite)
    var total = OutputStatistics(outputs: outputs)
    for chunk in 0..<all.elements.count / width {
      total.add(OutputStatistics(flat: all.elements[chunk * width..<(chunk + 1) * width], outputs: outputs))
    }
    return total
  }
}
