/// A quantized linear module whose integers are fetched, and checked, when they are written: memory holds those of one module.
struct StreamedModule: Sendable {
  /// Name, shape and scheme.
  let form: ModuleForm
  /// As in `QuantizedModule`.
  let codes: @Sendable () throws(ModelError) -> [UInt8]
  let scales: @Sendable () throws(ModelError) -> [Float]
  let zeroPoints: @Sendable () throws(ModelError) -> [UInt8]

  /// A module whose integers are in memory.
  init(_ module: QuantizedModule) {
    let (codes, scales, zeroPoints) = (module.codes, module.scales, module.zeroPoints)
    form = module.form
    self.codes = { () throws(ModelError) -> [UInt8] in codes }
    self.scales = { () throws(ModelError) -> [Float] in scales }
    self.zeroPoints = { () throws(ModelError) -> [UInt8] in zeroPoints }
  }

  /// Layer `index` of `layers`.
  init(_ form: ModuleForm, _ layers: any SolvedLayers, index: Int, scaleType: FloatType) {
    self.form = form
    codes = { () throws(ModelError) -> [UInt8] in
      let codes = try layers.codes(index)
      try form.check(codes: codes)
      return codes
    }
    scales = { () throws(ModelError) -> [Float] in
      let scales = try layers.scales(index)
      try form.check(scales: scales, type: scaleType)
      return scales
    }
    zeroPoints = { () throws(ModelError) -> [UInt8] in
      let zeroPoints = try layers.zeroPoints(index)
      try form.check(zeroPoints: zeroPoints)
      return zeroPoints
    }
  }
}
