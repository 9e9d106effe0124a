extension StreamedModule {
  /// The tensors that replace `name.weight` in the format `pack-quantized`.
  ///
  /// Codes are packed along the inputs. Zero points of asymmetric modules are packed along the outputs; the format thinks of
  /// signed ones and stores them with 2^(bits - 1) added, which is what they are here.
  func compressedTensors(scaleType: FloatType) -> [OutgoingTensor] {
    let (rows, columns, bits, groups) = (form.rows, form.columns, form.bits, form.groupCount)
    let (codes, scales, zeroPoints) = (codes, scales, zeroPoints)
    var tensors = [
      OutgoingTensor(
        name: "\(form.name).weight_packed", dtype: "I32",
        shape: [rows, BitStream.wordCount(columns, bits: bits)], of: UInt32.self
      ) { () throws(ModelError) in
        BitStream.packed(try codes(), rows: rows, columns: columns, bits: bits)
      },
      scaleType.outgoing(name: "\(form.name).weight_scale", shape: [rows, groups], values: scales),
      OutgoingTensor(name: "\(form.name).weight_shape", dtype: "I64", shape: [2], of: Int64.self) {
        [Int64(rows), Int64(columns)]
      },
    ]
    if !form.isSymmetric {
      let words = BitStream.wordCount(rows, bits: bits)
      tensors.append(
        OutgoingTensor(
          name: "\(form.name).weight_zero_point", dtype: "I32", shape: [words, groups], of: UInt32.self
        ) { () throws(ModelError) in
          let byGroup = BitStream.transposed(try zeroPoints(), rows: rows, columns: groups)
          let packed = BitStream.packed(byGroup, rows: groups, columns: rows, bits: bits)
          return BitStream.transposed(packed, rows: groups, columns: words)
        })
    }
    return tensors
  }
}
