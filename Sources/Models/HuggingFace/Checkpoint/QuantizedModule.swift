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
    let refusal = { (reason: String) -> ModelError in .doesNotFit(name: form.name, reason: reason) }
    let groups = form.rows * form.groupCount
    guard codes.count == form.rows * form.columns, scales.count == groups, zeroPoints.count == groups else {
      throw refusal(
        "\(codes.count) codes, \(scales.count) scales and \(zeroPoints.count) zero points for \(form.rows) x "
          + "\(form.columns) weights with \(form.groupCount) groups per row")
    }
    let largest = UInt8((1 << form.bits) - 1)
    guard codes.allSatisfy({ $0 <= largest }), zeroPoints.allSatisfy({ $0 <= largest }) else {
      throw refusal("a code or zero point exceeds \(largest), the largest of \(form.bits) bits")
    }
    guard !form.isSymmetric || zeroPoints.allSatisfy({ $0 == UInt8(1 << (form.bits - 1)) }) else {
      throw refusal("a symmetric module has a zero point other than \(1 << (form.bits - 1))")
    }
    guard scales.allSatisfy({ $0.isFinite && $0 >= 0 }) else {
      throw refusal("a scale is negative, infinite or not a number")
    }
    guard let scale = scales.first(where: { scaleType.value($0) != $0 }) else { return }
    throw refusal("the scale \(scale) is no \(scaleType.rawValue); round scales before codes are chosen for them")
  }
}
