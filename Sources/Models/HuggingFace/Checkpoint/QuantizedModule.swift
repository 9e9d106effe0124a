/// The integers that replace the weight of one linear module.
public struct QuantizedModule: Sendable {
  /// Name, shape and scheme.
  public var form: ModuleForm
  /// rows x columns, row-major, 0 ..< 2^bits: w = (code - zero point) * scale.
  public var codes: [UInt8]
  /// rows x groups, exactly representable in the type in which they are stored.
  public var scales: [Float]
  /// rows x groups, in the range of the codes.
  public var zeroPoints: [UInt8]

  /// Makes a module's values; they are checked when they are written.
  public init(form: ModuleForm, codes: [UInt8], scales: [Float], zeroPoints: [UInt8]) {
    (self.form, self.codes, self.scales, self.zeroPoints) = (form, codes, scales, zeroPoints)
  }

  /// Throws `doesNotFit` unless counts and ranges are those of the form, and scales fit `scaleType`.
  func check(scaleType: FloatType) throws(ModelError) {
    try form.check(codes: codes)
    try form.check(zeroPoints: zeroPoints)
    try form.check(scales: scales, type: scaleType)
  }
}

extension ModuleForm {
  private func refusal(_ reason: String) -> ModelError { .doesNotFit(name: name, reason: reason) }

  private var largestCode: UInt8 { UInt8((1 << bits) - 1) }

  private func checkCount(_ count: Int, _ expected: Int, _ what: String) throws(ModelError) {
    guard count == expected else {
      throw refusal(
        "\(count) \(what) for \(rows) x \(columns) weights with \(groupCount) groups per row, \(expected) are expected")
    }
  }

  /// Throws `doesNotFit` unless there is a code of the form's bits for each weight.
  func check(codes: [UInt8]) throws(ModelError) {
    try checkCount(codes.count, rows * columns, "codes")
    guard codes.allSatisfy({ [largestCode] in $0 <= largestCode }) else {
      throw refusal("a code or zero point exceeds \(largestCode), the largest of \(bits) bits")
    }
  }

  /// Throws `doesNotFit` unless there is a zero point for each group, in the middle of the codes for symmetric modules.
  func check(zeroPoints: [UInt8]) throws(ModelError) {
    try checkCount(zeroPoints.count, rows * groupCount, "zero points")
    guard zeroPoints.allSatisfy({ $0 <= largestCode }) else {
      throw refusal("a code or zero point exceeds \(largestCode), the largest of \(bits) bits")
    }
    guard !isSymmetric || zeroPoints.allSatisfy({ $0 == UInt8(1 << (bits - 1)) }) else {
      throw refusal("a symmetric module has a zero point other than \(1 << (bits - 1))")
    }
  }

  /// Throws `doesNotFit` unless there is a scale for each group that `type` can hold.
  func check(scales: [Float], type: FloatType) throws(ModelError) {
    try checkCount(scales.count, rows * groupCount, "scales")
    guard scales.allSatisfy({ $0.isFinite && $0 >= 0 }) else {
      throw refusal("a scale is negative, infinite or not a number")
    }
    guard let scale = scales.first(where: { type.value($0) != $0 }) else { return }
    throw refusal("the scale \(scale) is no \(type.rawValue); round scales before codes are chosen for them")
  }
}
