internal import Foundation

extension ONNXNodeProto {
  /// The attribute `name`.
  func attribute(_ name: String) -> ONNXAttributeProto? { attribute.first { $0.name == name } }

  /// Removes the attribute `name` and returns it.
  mutating func removeAttribute(_ name: String) -> ONNXAttributeProto? {
    guard let index = attribute.firstIndex(where: { $0.name == name }) else { return nil }
    return attribute.remove(at: index)
  }

  /// Sets the attribute `name` to an integer.
  mutating func set(_ name: String, _ value: Int) {
    _ = removeAttribute(name)
    var new = ONNXAttributeProto()
    (new.name, new.type, new.i) = (name, .int, Int64(value))
    attribute.append(new)
  }

  /// Sets the attribute `name` to a string.
  mutating func set(_ name: String, _ value: String) {
    _ = removeAttribute(name)
    var new = ONNXAttributeProto()
    (new.name, new.type, new.s) = (name, .string, Data(value.utf8))
    attribute.append(new)
  }

  /// The name of input `index`; empty if it is left out.
  func inputName(_ index: Int) -> String { index < input.count ? input[index] : "" }

  /// Sets input `index`; inputs before it that do not exist are left out.
  mutating func setInput(_ index: Int, _ name: String) {
    while input.count <= index { input.append("") }
    input[index] = name
  }

  /// A node of ONNX's own operators.
  init(_ type: String, name: String, inputs: [String], outputs: [String]) {
    self.init()
    (self.opType, self.name, self.input, self.output) = (type, name, inputs, outputs)
  }
}

extension ONNXTensorProto {
  /// A tensor whose elements are given as they stand in memory (little-endian).
  init<Element: BitwiseCopyable>(name: String, type: ONNXDataType, shape: [Int], elements: [Element]) {
    self.init()
    (self.name, self.dataType, self.dims) = (name, type.rawValue, shape.map(Int64.init))
    rawData = elements.withUnsafeBytes { Data($0) }
  }
}

extension String {
  /// The text as attributes store it.
  var utf8Data: Data { Data(utf8) }
}
