import Graphs

/// One dimension of a Resize: from where in the input each index of the output takes its value.
struct ResizeAxis {
  /// Where an index of the output lies in the input: the attribute `coordinate_transformation_mode`.
  enum Coordinates: String {
    case halfPixel = "half_pixel"
    case halfPixelSymmetric = "half_pixel_symmetric"
    case pytorchHalfPixel = "pytorch_half_pixel"
    case alignCorners = "align_corners"
    case asymmetric
    case cropAndResize = "tf_crop_and_resize"
    case halfPixelForNearest = "tf_half_pixel_for_nn"
  }

  /// Which neighbour is the nearest: the attribute `nearest_mode`.
  enum Rounding: String {
    case preferFloor = "round_prefer_floor"
    case preferCeiling = "round_prefer_ceil"
    case floor
    case ceiling = "ceil"
  }

  /// Length of the dimension in the input and in the output.
  var inputLength: Int
  var outputLength: Int
  /// Output length over input length, as the model states it: their product need not be a whole number.
  var scale: Double
  /// The part of the input that `tf_crop_and_resize` takes, 0 to 1 being all of it.
  var region: (start: Double, end: Double) = (0, 1)

  /// The position in the input of an index of the output; nil if it is to be extrapolated.
  ///
  /// The formulas are those of the operator's specification; the resized length in them is scale * length, whole or
  /// not, as in the specification's test cases.
  func position(of index: Int, _ coordinates: Coordinates) -> Double? {
    let (x, last) = (Double(index), Double(inputLength - 1))
    let resized = scale * Double(inputLength)
    switch coordinates {
    case .halfPixel: return (x + 0.5) / scale - 0.5
    case .halfPixelForNearest: return (x + 0.5) / scale
    case .pytorchHalfPixel: return resized > 1 ? (x + 0.5) / scale - 0.5 : 0
    case .halfPixelSymmetric:
      let center = Double(inputLength) / 2
      return center * (1 - Double(outputLength) / resized) + (x + 0.5) / scale - 0.5
    case .alignCorners: return resized == 1 ? 0 : x * last / (resized - 1)
    case .asymmetric: return x / scale
    case .cropAndResize:
      let extent = (region.end - region.start) * last
      let offset = resized == 1 ? extent / 2 : x * extent / (resized - 1)
      let position = region.start * last + offset
      return position >= 0 && position <= last ? position : nil  // nil for NaN too
    }
  }

  /// For each index of the output the nearest index of the input, or nil if it is to be extrapolated.
  func nearest(_ coordinates: Coordinates, _ rounding: Rounding) -> [Int?] {
    (0..<outputLength).map { index in
      guard let position = position(of: index, coordinates) else { return nil }
      let rounded =
        switch rounding {
        case .preferFloor: (position - 0.5).rounded(.up)
        case .preferCeiling: (position + 0.5).rounded(.down)
        case .floor: position.rounded(.down)
        case .ceiling: position.rounded(.up)
        }
      return clamped(rounded)
    }
  }

  /// For each index of the output the indices of the input that it is a weighted sum of.
  ///
  /// `kernel` is the interpolating function, `support` the distance from which on it is 0. With `isAntialiased` it is
  /// widened when the input is made smaller. Indices outside of the input are those of its ends, or are left out if
  /// `excludesOutside`. The weights of an index add up to 1; of an extrapolated one there are none.
  func taps(
    _ coordinates: Coordinates, support: Int, isAntialiased: Bool, excludesOutside: Bool, kernel: (Double) -> Double
  ) -> InterpolationTaps {
    let shrink = isAntialiased ? min(scale, 1) : 1
    let reach = Int((Double(support) / shrink).rounded(.up))
    var taps = InterpolationTaps(width: 2 * reach, indices: [], weights: [], isExtrapolated: [])
    for index in 0..<outputLength {
      guard let position = position(of: index, coordinates) else {
        taps.isExtrapolated.append(true)
        taps.indices.append(contentsOf: repeatElement(0, count: taps.width))
        taps.weights.append(contentsOf: repeatElement(0, count: taps.width))
        continue
      }
      taps.isExtrapolated.append(false)
      let whole = position.rounded(.down)
      let neighbours = (1 - reach...reach).map { whole + Double($0) }
      var weights = neighbours.map { neighbour in
        let isOutside = neighbour < 0 || neighbour > Double(inputLength - 1)
        return excludesOutside && isOutside ? 0 : kernel(abs(neighbour - position) * shrink)
      }
      let sum = weights.reduce(0, +)
      if sum != 0 { weights = weights.map { $0 / sum } }
      taps.indices.append(contentsOf: neighbours.map(clamped))
      taps.weights.append(contentsOf: weights)
    }
    return taps
  }

  private func clamped(_ position: Double) -> Int { Int(max(0, min(position, Double(inputLength - 1)))) }
}
