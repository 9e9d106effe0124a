import Graphs

/// What one chunk contributes to an evaluation; sums over chunks in chunk order give the same result on any ranks.
struct OutputStatistics: Sendable {
  /// Per output: Σ (y - r)², Σ r², max |y - r|, max |r|.
  var errors: [[Double]]
  /// Samples whose largest output is the label's.
  var correct = 0.0
  /// Samples whose largest output is the reference's.
  var agreeing = 0.0

  /// Numbers in the flat form that travels between ranks.
  static func width(outputs: Int) -> Int { outputs * 4 + 2 }

  /// The flat form.
  var flat: [Double] { errors.joined() + [correct, agreeing] }

  /// From the flat form.
  init(flat: ArraySlice<Double>, outputs: Int) {
    let values = Array(flat)
    errors = (0..<outputs).map { Array(values[$0 * 4..<$0 * 4 + 4]) }
    (correct, agreeing) = (values[outputs * 4], values[outputs * 4 + 1])
  }

  /// Nothing seen yet.
  init(outputs: Int) { errors = Array(repeating: [0, 0, 0, 0], count: outputs) }

  /// Adds another chunk's.
  mutating func add(_ other: OutputStatistics) {
    for index in errors.indices {
      errors[index][0] += other.errors[index][0]
      errors[index][1] += other.errors[index][1]
      errors[index][2] = max(errors[index][2], other.errors[index][2])
      errors[index][3] = max(errors[index][3], other.errors[index][3])
    }
    correct += other.correct
    agreeing += other.agreeing
  }

  /// Adds the error of output `index` against the reference; both float32 and of one shape.
  mutating func compare(_ output: Tensor, _ reference: Tensor, index: Int) {
    output.withElements(as: Float.self) { output in
      reference.withElements(as: Float.self) { reference in
        var sums = errors[index]
        for position in output.indices {
          let truth = Double(reference[position])
          let difference = Double(output[position]) - truth
          sums[0] += difference * difference
          sums[1] += truth * truth
          sums[2] = max(sums[2], abs(difference))
          sums[3] = max(sums[3], abs(truth))
        }
        errors[index] = sums
      }
    }
  }

  /// The index of the largest element of each row of (samples, classes); the lowest index among equals.
  static func largest(_ output: Tensor) -> [Int] {
    let classes = output.shape.last ?? 1
    return output.withElements(as: Float.self) { elements in
      stride(from: 0, to: elements.count, by: max(classes, 1)).map { start in
        (0..<classes).reduce(0) { elements[start + $1] > elements[start + $0] ? $1 : $0 }
      }
    }
  }
}
