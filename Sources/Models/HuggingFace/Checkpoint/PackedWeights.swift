import Graphs

/// The packed weights of a checkpoint, found among its tensors and checked.
struct PackedWeights: Sendable {
  /// By the name that the tensor has in the model that is not quantized: that of the module with `.weight` behind.
  private(set) var weights: [String: PackedWeight] = [:]
  /// The tensors that they are made of.
  private(set) var parts: Set<String> = []

  /// Finds the packed weights among `tensors`. Throws `malformed` if tensors are missing or shapes contradict each other.
  init(_ quantization: StoredQuantization, tensors: [String: Tensor]) throws(ModelError) {
    let ending = "." + quantization.format.codesEnding
    for name in tensors.keys.sorted() where name.hasSuffix(ending) {
      let module = String(name.dropLast(ending.count))
      let reader = Reader(quantization: quantization, module: module, tensors: tensors)
      let weight = try quantization.format == .gptq ? reader.gptq() : reader.compressedTensors()
      weights["\(module).weight"] = weight
      for part in ["qweight", "qzeros", "scales", "g_idx"]
        + ["packed", "scale", "shape", "zero_point", "g_idx"].map({ "weight_\($0)" })
      {
        if tensors["\(module).\(part)"] != nil { parts.insert("\(module).\(part)") }
      }
    }
    guard !weights.isEmpty else {
      throw .malformed(
        path: quantization.path, reason: "the model is said to be quantized, but no tensor ends in \(ending)")
    }
    if let twice = weights.keys.filter({ tensors[$0] != nil }).min() {
      throw .malformed(path: quantization.path, reason: "\(twice) is stored both packed and as it was")
    }
  }

  /// Reads the tensors of one module.
  private struct Reader {
    let quantization: StoredQuantization
    let module: String
    let tensors: [String: Tensor]

    private func error(_ reason: String) -> ModelError {
      .malformed(path: quantization.path, reason: "\(module): \(reason)")
    }

    private func tensor(_ part: String, _ types: Set<ElementType>, shape: [Int]?) throws(ModelError) -> Tensor {
      guard let tensor = tensors["\(module).\(part)"] else { throw error("the tensor \(part) is missing") }
      guard types.contains(tensor.elementType), tensor.rank == shape?.count ?? 2, shape == nil || tensor.shape == shape
      else {
        let wanted = shape.map { "\($0)" } ?? "a matrix"
        throw error("\(part) is \(tensor.elementType) \(tensor.shape), but \(wanted) is expected")
      }
      return tensor
    }

    /// The number of groups of `columns` columns.
    private func groups(_ group: StoredQuantization.Group, columns: Int) throws(ModelError) -> Int {
      guard let size = group.groupSize else { return 1 }
      guard columns % size == 0 else { throw error("groups of \(size) do not divide \(columns) columns") }
      return columns / size
    }

    private func columnGroups(_ part: String, columns: Int, count: Int) throws(ModelError) -> [Int] {
      let size = columns / max(count, 1)
      guard tensors["\(module).\(part)"] != nil else { return (0..<columns).map { $0 / max(size, 1) } }
      let groups = try tensor(part, [.int32], shape: [columns]).array(of: Int32.self).map { Int($0) }
      guard groups.allSatisfy({ (0..<count).contains($0) }) else {
        throw error("\(part) names a group that does not exist")
      }
      return groups
    }

    func compressedTensors() throws(ModelError) -> PackedWeight {
      let group = try quantization.group(of: module)
      guard let stored = tensors["\(module).weight_shape"], stored.count == 2 else {
        throw error("weight_shape is missing")
      }
      let shape =
        stored.elementType == .int64
        ? stored.array(of: Int64.self).map { Int($0) }
        : (stored.elementType == .int32 ? stored.array(of: Int32.self).map { Int($0) } : [])
      guard shape.count == 2, shape.allSatisfy({ (1..<1 << 31).contains($0) }) else {
        throw error("weight_shape is \(shape)")
      }
      let (rows, columns) = (shape[0], shape[1])
      let count = try groups(group, columns: columns)
      let words = BitStream.wordCount(columns, bits: group.bits)
      return PackedWeight(
        module: module, rows: rows, columns: columns, bits: group.bits, format: .compressedTensors,
        codes: try tensor("weight_packed", [.int32], shape: [rows, words]),
        scales: try tensor("weight_scale", [.float32, .float16, .bfloat16], shape: [rows, count]),
        zeroPoints: group.isSymmetric
          ? nil
          : try tensor("weight_zero_point", [.int32], shape: [BitStream.wordCount(rows, bits: group.bits), count]),
        addsOne: false, groupOfColumn: try columnGroups("weight_g_idx", columns: columns, count: count))
    }

    func gptq() throws(ModelError) -> PackedWeight {
      let group = try quantization.group(of: module)
      let codes = try tensor("qweight", [.int32], shape: nil)
      let rows = codes.shape[1]
      guard rows > 0, codes.shape[0] > 0, codes.shape[0] * 32 % group.bits == 0 else {
        throw error("qweight is \(codes.shape), which is no whole number of codes of \(group.bits) bits")
      }
      let columns = codes.shape[0] * 32 / group.bits
      let count = try groups(group, columns: columns)
      return PackedWeight(
        module: module, rows: rows, columns: columns, bits: group.bits, format: .gptq, codes: codes,
        scales: try tensor("scales", [.float32, .float16, .bfloat16], shape: [count, rows]),
        zeroPoints: try tensor("qzeros", [.int32], shape: [count, BitStream.wordCount(rows, bits: group.bits)]),
        addsOne: quantization.storesZeroPointsLessOne,
        groupOfColumn: try columnGroups("g_idx", columns: columns, count: count))
    }
  }
}
