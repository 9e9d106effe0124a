import Foundation

/// The grid of one group of weights, found by plain loops in float64: what the kernels are tested against.
///
/// With lo = min(0, min w), hi = max(0, max w) and m = 2^bits - 1: asymmetric scale = (hi - lo) / m and
/// z = round(-lo / scale); symmetric scale = 2 max(-lo, hi) / m and z = 2^(bits - 1). A group of zeros has scale 1.
struct PlainGrid: Equatable {
  /// The step, a value of the scheme's scale type.
  var scale: Float
  /// The code of zero.
  var zeroPoint: Int

  /// The min-max grid of weights between `low` <= 0 and `high` >= 0, before its scale is rounded to the stored type.
  static func range(low: Float, high: Float, scheme: QuantizationScheme) -> PlainGrid {
    let largest = Double(scheme.largestCode)
    let width = scheme.symmetric ? 2 * max(-Double(low), Double(high)) : Double(high) - Double(low)
    let scale = Float(width / largest)
    let middle = 1 << (scheme.bits - 1)
    guard scale > 0 else { return PlainGrid(scale: 1, zeroPoint: scheme.symmetric ? middle : 0) }
    if scheme.symmetric { return PlainGrid(scale: scale, zeroPoint: middle) }
    let zeroPoint = (-low / scale).rounded(.toNearestOrEven)
    return PlainGrid(scale: scale, zeroPoint: min(max(Int(zeroPoint), 0), scheme.largestCode))
  }

  /// The code of `weight`: the float32 quotient weight / scale, rounded half to even, in the range of codes.
  ///
  /// In float32 the extreme weight of a symmetric min-max grid is a tie; more digits would round it either way.
  func code(_ weight: Double, _ scheme: QuantizationScheme) -> Int {
    let step = Double(Float(weight / Double(scale)).rounded(.toNearestOrEven))
    let (low, high) = (Double(-zeroPoint), Double(scheme.largestCode - zeroPoint))
    return Int(min(max(step, low), high)) + zeroPoint
  }

  /// The weight that stands for `weight` on this grid.
  func quantized(_ weight: Double, _ scheme: QuantizationScheme) -> Double {
    Double(code(weight, scheme) - zeroPoint) * Double(scale)
  }

  /// Searches the grid of `weights` under the weighting `curvature` (as many elements, or empty for all ones).
  static func search(
    _ weights: [Float], curvature: [Float], scheme: QuantizationScheme, search: GridSearch
  ) -> PlainGrid {
    let base = range(low: min(0, weights.min() ?? 0), high: max(0, weights.max() ?? 0), scheme: scheme)
    var errors = Candidates(base: base, scheme: scheme, search: search)
    errors.add(weights, curvature: curvature)
    return errors.best
  }

  /// The candidate grids of a search and their errors so far.
  struct Candidates {
    private let scheme: QuantizationScheme
    private let search: GridSearch
    private let unit: Double
    private let grids: [PlainGrid]
    private var errors: [Double]

    /// Candidates around the min-max grid `base`, in the order in which the first of equals wins.
    init(base: PlainGrid, scheme: QuantizationScheme, search: GridSearch) {
      (self.scheme, self.search, unit) = (scheme, search, Double(base.scale))
      var grids: [PlainGrid] = []
      for index in 0..<(search == .minmax ? 1 : GridSearch.candidates) {
        let scale = scheme.scaleType.rounded(base.scale * GridSearch.shrink(index))
        for offset in search.zeroPointOffsets(scheme)
        where (0...scheme.largestCode).contains(base.zeroPoint + offset) {
          grids.append(PlainGrid(scale: scale, zeroPoint: base.zeroPoint + offset))
        }
      }
      self.grids = grids
      errors = [Double](repeating: 0, count: grids.count)
    }

    /// Adds the errors of more weights, each in units of the min-max scale so that no power overflows.
    mutating func add(_ weights: [Float], curvature: [Float]) {
      guard grids.count > 1 else { return }
      for (index, grid) in grids.enumerated() {
        errors[index] += Self.error(
          of: grid, weights, curvature: curvature, scheme: scheme, search: search, unit: unit)
      }
    }

    /// What `grid` loses on `weights`, in units of the scale `unit`.
    static func error(
      of grid: PlainGrid, _ weights: [Float], curvature: [Float], scheme: QuantizationScheme, search: GridSearch,
      unit: Double = 1
    ) -> Double {
      var sum = 0.0
      for (column, weight) in weights.enumerated() {
        let error = abs(Double(weight) - grid.quantized(Double(weight), scheme)) / unit
        if search == .l24 {
          sum += pow(error, 2.4)
        } else {
          sum += (curvature.isEmpty ? 1 : Double(curvature[column])) * error * error
        }
      }
      return sum
    }

    /// The grid with the smallest error, the first of equals.
    var best: PlainGrid {
      var best = 0
      for index in grids.indices where errors[index] < errors[best] { best = index }
      return grids[best]
    }
  }
}
