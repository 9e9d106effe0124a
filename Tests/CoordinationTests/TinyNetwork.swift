import Foundation

/// y = relu(x A) B without biases, x of shape (N, 8), y of shape (N, 4): small enough to be written by hand.
///
/// Written as ONNX, operator set 13, by the few rules of protobuf that it needs.
enum TinyNetwork {
  static let (inputs, hidden, outputs) = (8, 6, 4)

  /// Numbers in -1 ..< 1 that are the same in every run.
  static func noise(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed &* 2_862_933_555_777_941_757 &+ 3_037_000_493
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int32(truncatingIfNeeded: state >> 32)) / Float(1 << 31)
    }
  }

  /// The model's file.
  static var model: Data {
    let graph =
      field(1, node("MatMul", ["x", "first"], "hidden")) + field(1, node("Relu", ["hidden"], "active"))
      + field(1, node("MatMul", ["active", "second"], "y")) + field(2, Array("tiny".utf8))
      + field(5, tensor("first", noise(inputs * hidden, seed: 1), [inputs, hidden]))
      + field(5, tensor("second", noise(hidden * outputs, seed: 2), [hidden, outputs]))
      + field(11, value("x", inputs)) + field(12, value("y", outputs))
    return Data(number(1, 8) + field(7, graph) + field(8, number(2, 13)))
  }

  /// A `.npy` file of samples `range` of an endless list; neighbouring features go together, as in real inputs.
  static func samples(_ range: Range<Int>) -> Data {
    let noise = noise(range.upperBound * inputs, seed: 9)
    var values: [Float] = []
    for sample in range {
      var feature = noise[sample * inputs]
      for index in 0..<inputs {
        feature = 0.7 * feature + noise[sample * inputs + index]
        values.append(feature)
      }
    }
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(range.count), \(inputs)), }"
    header += String(repeating: " ", count: 117 - header.count) + "\n"
    var file = Data([0x93] + "NUMPY".utf8 + [1, 0, UInt8(header.utf8.count), 0] + header.utf8)
    values.withUnsafeBytes { file.append(contentsOf: $0) }
    return file
  }

  private static func node(_ kind: String, _ inputs: [String], _ output: String) -> [UInt8] {
    inputs.flatMap { field(1, Array($0.utf8)) } + field(2, Array(output.utf8)) + field(3, Array("to \(output)".utf8))
      + field(4, Array(kind.utf8))
  }

  private static func tensor(_ name: String, _ values: [Float], _ shape: [Int]) -> [UInt8] {
    shape.flatMap { number(1, $0) } + number(2, 1) + field(8, Array(name.utf8))
      + field(9, values.withUnsafeBytes { Array($0) })
  }

  /// A float32 value of shape (N, width).
  private static func value(_ name: String, _ width: Int) -> [UInt8] {
    let shape = field(1, field(2, Array("N".utf8))) + field(1, number(1, width))
    return field(1, Array(name.utf8)) + field(2, field(1, number(1, 1) + field(2, shape)))
  }

  private static func varint(_ value: Int) -> [UInt8] {
    value < 128 ? [UInt8(value)] : [UInt8(value & 127 | 128)] + varint(value >> 7)
  }

  private static func number(_ id: Int, _ value: Int) -> [UInt8] { varint(id << 3) + varint(value) }

  private static func field(_ id: Int, _ bytes: [UInt8]) -> [UInt8] {
    varint(id << 3 | 2) + varint(bytes.count) + bytes
  }
}
