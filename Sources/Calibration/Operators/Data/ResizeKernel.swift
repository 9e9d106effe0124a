import Graphs

/// Resize: the input sampled on a finer or coarser grid; nearest neighbour, linear or cubic, in any number of
/// dimensions.
///
/// Linear and cubic interpolation work on one dimension after the other, in float32 (float64 for float64); integers
/// are truncated afterwards. An output length is floor(length * scale), the product in float32.
struct ResizeKernel: OperatorKernel {
  private enum Mode: String {
    case nearest, linear, cubic
  }
  private enum AspectRatio: String {
    case stretch
    case notLarger = "not_larger"
    case notSmaller = "not_smaller"
  }

  private let mode: Mode
  private let coordinates: ResizeAxis.Coordinates
  private let rounding: ResizeAxis.Rounding
  private let aspectRatio: AspectRatio
  private let cubicCoefficient: Double
  private let extrapolation: Float
  private let isAntialiased: Bool
  private let excludesOutside: Bool
  private let axes: [Int]?

  init(_ node: Node) throws(OperatorError) {
    mode = try Self.choice(node, "mode", default: .nearest)
    coordinates = try Self.choice(node, "coordinate_transformation_mode", default: .halfPixel)
    rounding = try Self.choice(node, "nearest_mode", default: .preferFloor)
    aspectRatio = try Self.choice(node, "keep_aspect_ratio_policy", default: .stretch)
    cubicCoefficient = Double(node.float("cubic_coeff_a", default: -0.75))
    extrapolation = node.float("extrapolation_value", default: 0)
    isAntialiased = node.int("antialias", default: 0) != 0
    excludesOutside = node.int("exclude_outside", default: 0) != 0
    axes = node.ints("axes")
  }

  private static func choice<Choice: RawRepresentable<String>>(
    _ node: Node, _ name: String, default fallback: Choice
  ) throws(OperatorError) -> Choice {
    let value = node.string(name, default: fallback.rawValue)
    guard let choice = Choice(rawValue: value) else { throw .unsupported("Resize with \(name) \(value)") }
    return choice
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let input = try inputs.required(0, named: "X")
    guard mode == .nearest || input.elementType != .bool else { throw .invalid("bools cannot be interpolated") }
    let sizes = try Self.given(inputs.optional(3)) ? inputs.known(3, named: "sizes") : nil
    let scales = try Self.given(inputs.optional(2)) ? inputs.known(2, named: "scales") : nil
    let dimensions = try dimensions(of: input.shape, region: nil, scales: scales, sizes: sizes)
    if coordinates == .cropAndResize { _ = try inputs.required(1, named: "roi") }
    return [TensorType(input.elementType, try checkedShape(dimensions.map(\.outputLength)))]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let input = inputs.required(0)
    func given(_ index: Int) -> Tensor? { inputs.optional(index).flatMap { $0.count == 0 ? nil : $0 } }
    let region = coordinates == .cropAndResize ? given(1) : nil
    let dimensions = try dimensions(of: input.shape, region: region, scales: given(2), sizes: given(3))
    let isEmpty = dimensions.contains { $0.outputLength == 0 }
    if mode == .nearest || isEmpty {
      let tables = dimensions.map { $0.nearest(coordinates, rounding) }
      let fill = Tensor(scalar: extrapolation).cast(to: input.elementType)
      return [IndexedCopy(tables: tables).apply(to: input, fill: fill)]
    }
    if input.elementType == .float64 {
      return [interpolated(input, dimensions, extrapolation: Double(extrapolation))]
    }
    let result = interpolated(input.cast(to: .float32), dimensions, extrapolation: extrapolation)
    return [result.cast(to: input.elementType)]
  }

  private func interpolated<Element: BinaryFloatingPoint & TensorElement>(
    _ input: Tensor, _ dimensions: [ResizeAxis], extrapolation: Element
  ) -> Tensor {
    var result = input
    for (axis, dimension) in dimensions.enumerated() {
      let taps = dimension.taps(
        coordinates, support: mode == .linear ? 1 : 2, isAntialiased: isAntialiased, excludesOutside: excludesOutside,
        kernel: mode == .linear ? { max(0, 1 - $0) } : cubic)
      if taps.isIdentity(length: result.shape[axis]) { continue }
      result = taps.apply(to: result, axis: axis, extrapolation: extrapolation)
    }
    return result
  }

  /// The cubic convolution kernel (Keys 1981, equation 15, with a free coefficient) at a distance.
  private func cubic(_ distance: Double) -> Double {
    let (x, a) = (distance, cubicCoefficient)
    if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
  }

  /// An input that is there and not empty: older models leave inputs out by an empty tensor.
  private static func given(_ facts: InputFacts?) -> Bool { facts.map { !$0.shape.contains(0) } ?? false }

  private func dimensions(
    of shape: [Int], region: Tensor?, scales: Tensor?, sizes: Tensor?
  ) throws(OperatorError) -> [ResizeAxis] {
    let axes = try normalizedAxes(axes ?? Array(shape.indices), rank: shape.count)
    var result = shape.map { ResizeAxis(inputLength: $0, outputLength: $0, scale: 1) }
    switch (scales, sizes) {
    case (let scales?, nil):
      guard scales.count == axes.count, scales.elementType == .float32 else {
        throw .invalid("scales is \(scales.elementType) \(scales.shape) for \(axes.count) axes of \(shape)")
      }
      for (axis, scale) in zip(axes, scales.array(of: Float.self)) {
        let length = (Float(shape[axis]) * scale).rounded(.down)
        guard scale > 0, length < 0x1p31 else { throw .invalid("the scale \(scale) of dimension \(axis) of \(shape)") }
        (result[axis].outputLength, result[axis].scale) = (Int(length), Double(scale))
      }
    case (nil, let sizes?):
      let lengths = try sizes.integers(named: "sizes")
      guard lengths.count == axes.count else {
        throw .invalid("\(lengths.count) sizes for \(axes.count) axes of \(shape)")
      }
      for (axis, length) in zip(axes, lengths) {
        guard length >= 0, length < 1 << 31 else { throw .invalid("the size \(length) of dimension \(axis)") }
        result[axis].outputLength = length
        // An empty dimension has no scale; nothing is sampled from it, see below.
        result[axis].scale = shape[axis] == 0 ? 1 : Double(length) / Double(shape[axis])
      }
      let ratios = axes.map { result[$0].scale }
      if aspectRatio != .stretch, let common = aspectRatio == .notLarger ? ratios.min() : ratios.max() {
        for axis in axes {
          let length = (Double(shape[axis]) * common + 0.5).rounded(.down)
          guard length < 0x1p31 else { throw .invalid("dimension \(axis) of \(shape) would be \(length) long") }
          (result[axis].outputLength, result[axis].scale) = (Int(length), common)
        }
      }
    default: throw .invalid("exactly one of scales and sizes must be given")
    }
    for (axis, dimension) in result.enumerated() where dimension.inputLength == 0 && dimension.outputLength > 0 {
      throw .invalid("dimension \(axis) of \(shape) is empty and cannot be resized to \(dimension.outputLength)")
    }
    if let region {
      guard region.count == 2 * axes.count else {
        throw .invalid("roi has \(region.count) elements for \(axes.count) axes")
      }
      let ends = region.cast(to: .float64).array(of: Double.self)
      for (index, axis) in axes.enumerated() { result[axis].region = (ends[index], ends[index + axes.count]) }
    }
    return result
  }
}
