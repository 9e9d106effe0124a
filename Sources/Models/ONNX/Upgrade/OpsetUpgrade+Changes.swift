extension OpsetUpgrade {
  /// One change of an operator's form.
  struct VersionChange {
    /// The operator set that brought it.
    let version: Int
    /// Turns a node of the version before into this one.
    let apply: @Sendable (inout OpsetUpgrade, inout ONNXNodeProto) throws(ModelError) -> Void
  }

  /// The operators whose history is known: those of the graph, and relatives that change in the same way.
  static let known: Set<String> = Set(graphOperators).union(changes.keys)

  /// The changes of form of each operator, oldest first.
  static let changes: [String: [VersionChange]] = {
    var changes: [String: [VersionChange]] = [
      "BatchNormalization": [
        VersionChange(version: 14) { upgrade, node throws(ModelError) in try upgrade.dropTrainingOutputs(&node) }
      ],
      "Clip": [
        VersionChange(version: 11) { upgrade, node throws(ModelError) in
          let x = node.inputName(0)
          for (index, name) in ["min", "max"].enumerated() {
            guard let value = node.removeAttribute(name)?.f else { continue }
            node.setInput(index + 1, upgrade.addScalar(value, like: x, for: node, role: name))
          }
        }
      ],
      "Dropout": [
        VersionChange(version: 12) { upgrade, node throws(ModelError) in
          try upgrade.dropTrainingOutputs(&node)
          _ = node.removeAttribute("ratio")  // means nothing outside training
        }
      ],
      "Pad": [
        VersionChange(version: 11) { upgrade, node throws(ModelError) in
          let pads = node.removeAttribute("pads")?.ints ?? []
          let value = node.removeAttribute("value")?.f ?? 0
          let x = node.inputName(0)
          node.setInput(1, upgrade.addIntegers(pads, for: node, role: "pads"))
          if value != 0 { node.setInput(2, upgrade.addScalar(value, like: x, for: node, role: "value")) }
        }
      ],
      "Resize": [
        VersionChange(version: 11) { upgrade, node throws(ModelError) in try upgrade.explainResize(&node) },
        VersionChange(version: 13) { upgrade, node throws(ModelError) in
          if node.attribute("coordinate_transformation_mode")?.s == "tf_half_pixel_for_nn".utf8Data {
            throw upgrade.refusal(node, "the mode tf_half_pixel_for_nn no longer exists")
          }
          // Version 11 wanted `scales` even where `sizes` counts: an empty tensor.
          if !node.inputName(3).isEmpty { node.setInput(2, "") }
        },
      ],
      "Slice": [
        VersionChange(version: 10) { upgrade, node throws(ModelError) in
          for (index, name) in ["starts", "ends", "axes"].enumerated() {
            guard let values = node.removeAttribute(name)?.ints else { continue }
            node.setInput(index + 1, upgrade.addIntegers(values, for: node, role: name))
          }
        }
      ],
      "Split": [
        VersionChange(version: 13) { upgrade, node throws(ModelError) in
          try upgrade.moveIntegers("split", toInput: 1, &node)
        },
        VersionChange(version: 18) { _, node throws(ModelError) in
          if node.inputName(1).isEmpty { node.set("num_outputs", node.output.count) }
        },
      ],
      // Upsample was taken back in version 10; Resize is the same with another name.
      "Upsample": [
        VersionChange(version: 10) { _, node throws(ModelError) in node.opType = "Resize" },
        VersionChange(version: 11) { upgrade, node throws(ModelError) in try upgrade.explainResize(&node) },
      ],
    ]
    let moveAxes: @Sendable (inout OpsetUpgrade, inout ONNXNodeProto) throws(ModelError) -> Void = {
      upgrade, node throws(ModelError) in
      try upgrade.moveIntegers("axes", toInput: 1, &node)
    }
    for name in ["Squeeze", "Unsqueeze", "ReduceSum"] {
      changes[name] = [VersionChange(version: 13, apply: moveAxes)]
    }
    for name in [
      "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp",
      "ReduceSumSquare",
    ] {
      changes[name] = [VersionChange(version: 18, apply: moveAxes)]
    }
    for name in ["Softmax", "LogSoftmax", "Hardmax"] {
      changes[name] = [
        VersionChange(version: 13) { upgrade, node throws(ModelError) in try upgrade.flattenSoftmax(&node) }
      ]
    }
    return changes
  }()

  /// Turns the integers of an attribute into an input; nothing if the node does not have them.
  mutating func moveIntegers(_ name: String, toInput index: Int, _ node: inout ONNXNodeProto) throws(ModelError) {
    guard let values = node.removeAttribute(name)?.ints else { return }
    node.setInput(index, addIntegers(values, for: node, role: name))
  }

  /// Removes all outputs but the first, which exist for training; nothing may read them.
  mutating func dropTrainingOutputs(_ node: inout ONNXNodeProto) throws(ModelError) {
    for output in node.output.dropFirst() where isRead(output) {
      throw refusal(node, "its output \(output), which exists for training only, is read")
    }
    node.output.removeSubrange(Swift.min(1, node.output.count)...)
  }

  /// Resize of version 10 had one behaviour; from 11 on it has to be named, and scales are the third input.
  ///
  /// The nearest element was the one before when enlarging and the one behind when shrinking, as onnxruntime computes it.
  /// Scales that the model computes are taken for enlarging.
  mutating func explainResize(_ node: inout ONNXNodeProto) throws(ModelError) {
    let scales = node.inputName(1)
    node.setInput(1, "")
    node.setInput(2, scales)
    node.set("coordinate_transformation_mode", "asymmetric")
    guard (node.attribute("mode")?.s ?? "nearest".utf8Data) == "nearest".utf8Data else { return }
    let constant =
      graph.initializer.first { $0.name == scales }
      ?? graph.node.first { $0.opType == "Constant" && $0.output.first == scales }?.attribute("value")?.t
    var factors: [Float] = []
    if let constant { factors = try reader.tensor(constant).floatValues ?? [] }
    let shrinks = factors.contains { $0 < 1 }
    guard !shrinks || factors.allSatisfy({ $0 <= 1 }) else {
      throw refusal(node, "nearest with the scales \(factors), which enlarge and shrink at once")
    }
    node.set("nearest_mode", shrinks ? "ceil" : "floor")
  }

  /// Softmax before version 13 works on a matrix: all dimensions from `axis` on together.
  mutating func flattenSoftmax(_ node: inout ONNXNodeProto) throws(ModelError) {
    let axis = node.attribute("axis").map { Int($0.i) } ?? 1
    let x = node.inputName(0)
    guard let y = node.output.first else { return }
    let rank = facts.rank(of: x) ?? facts.rank(of: y)
    if axis == -1 || rank.map({ axis == $0 - 1 }) == true {
      node.set("axis", -1)
      return
    }
    let role = node.name
    let newValue = { (upgrade: inout OpsetUpgrade, suffix: String) in
      ONNXModel.unique("\(role)_\(suffix)", in: &upgrade.valueNames)
    }
    let (matrix, soft, shape) = (newValue(&self, "matrix"), newValue(&self, "soft"), newValue(&self, "shape"))
    let newNode = { (upgrade: inout OpsetUpgrade, suffix: String) in
      ONNXModel.unique("\(role)_\(suffix)", in: &upgrade.nodeNames)
    }
    var flatten = ONNXNodeProto("Flatten", name: newNode(&self, "Flatten"), inputs: [x], outputs: [matrix])
    flatten.set("axis", axis)
    before.append(flatten)
    before.append(ONNXNodeProto("Shape", name: newNode(&self, "Shape"), inputs: [x], outputs: [shape]))
    after.append(ONNXNodeProto("Reshape", name: newNode(&self, "Reshape"), inputs: [soft, shape], outputs: [y]))
    node.set("axis", -1)
    node.input[0] = matrix
    node.output[0] = soft
  }
}
