extension StreamedModule {
  /// The tensors that replace `name.weight` in GPTQ's format; columns must be a multiple of 32, and rows too.
  ///
  /// Codes are packed down the columns of the transposed weight, zero points along the outputs. Version 1 stores zero points
  /// less one; only symmetric modules are written so, whose zero points are never 0.
  func gptqTensors() -> [OutgoingTensor] {
    let (rows, columns, bits, groups) = (form.rows, form.columns, form.bits, form.groupCount)
    let (codes, scales, zeroPoints) = (codes, scales, zeroPoints)
    let width = BitStream.wordCount(columns, bits: bits)
    let (groupSize, less) = (form.groupSize ?? columns, form.isSymmetric ? UInt8(1) : 0)
    return [
      OutgoingTensor(name: "\(form.name).qweight", dtype: "I32", shape: [width, rows], of: UInt32.self) {
        () throws(ModelError) in
        let packed = BitStream.packed(try codes(), rows: rows, columns: columns, bits: bits)
        return BitStream.transposed(packed, rows: rows, columns: width)
      },
      OutgoingTensor(
        name: "\(form.name).qzeros", dtype: "I32", shape: [groups, BitStream.wordCount(rows, bits: bits)],
        of: UInt32.self
      ) { () throws(ModelError) in
        let byGroup = BitStream.transposed(try zeroPoints().map { $0 - less }, rows: rows, columns: groups)
        return BitStream.packed(byGroup, rows: groups, columns: rows, bits: bits)
      },
      FloatType.float16.outgoing(name: "\(form.name).scales", shape: [groups, rows]) { () throws(ModelError) in
        BitStream.transposed(try scales(), rows: rows, columns: groups)
      },
      OutgoingTensor(name: "\(form.name).g_idx", dtype: "I32", shape: [columns], of: Int32.self) {
        (0..<columns).map { Int32($0 / groupSize) }
      },
    ]
  }
}
