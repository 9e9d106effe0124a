internal import CKernels
import LinearAlgebra

/// What the C kernels need to know about a matrix, with the memory that their pointers lead to.
struct KernelProblem: Sendable {
  private let columns: Int
  private let groupSize: Int
  private let groups: Int
  private let scheme: QuantizationScheme
  private let search: GridSearch
  private let beams: Int
  private let order: [Int32]
  private let position: [Int32]
  private let curvature: [Float]
  private let shrink: [Float]
  private let offsets: [Float]
  /// U, shared with the factor it came from; empty without one.
  private let inverse: FloatStorage

  /// - Parameters:
  ///   - curvature: one per column; nil for all ones.
  ///   - groupSize: natural columns that share a scale.
  ///   - beams: roundings of a row that a solve with compensation follows.
  init(
    columns: Int, factor: SharedFactor?, curvature: [Float]?, scheme: QuantizationScheme, search: GridSearch,
    groupSize: Int, beams: Int = 1
  ) {
    (self.columns, self.groupSize, self.scheme, self.search) = (columns, groupSize, scheme, search)
    self.beams = beams
    groups = (columns + groupSize - 1) / groupSize
    order = factor?.order ?? (0..<Int32(columns)).map { $0 }
    var position = [Int32](repeating: 0, count: columns)
    for (k, column) in order.enumerated() { position[Int(column)] = Int32(k) }
    self.position = position
    self.curvature = curvature ?? [Float](repeating: 1, count: columns)
    shrink = (0..<(search == .minmax ? 1 : GridSearch.candidates)).map { GridSearch.shrink($0) }
    offsets = search.zeroPointOffsets(scheme).map { Float($0) }
    inverse = factor?.inverse ?? []
  }

  /// Number of candidate grids of a search.
  var candidates: Int { shrink.count * offsets.count }

  /// The grid of candidate `index` around a min-max grid.
  func candidate(_ index: Int, around base: PlainGrid) -> PlainGrid {
    PlainGrid(
      scale: scheme.scaleType.rounded(base.scale * shrink[index / offsets.count]),
      zeroPoint: base.zeroPoint + Int(offsets[index % offsets.count]))
  }

  /// Calls `body` with the structure that C sees.
  func withPointer<Result>(_ body: (UnsafePointer<RowProblem>) -> Result) -> Result {
    order.withUnsafeBufferPointer { order in
      position.withUnsafeBufferPointer { position in
        curvature.withUnsafeBufferPointer { curvature in
          shrink.withUnsafeBufferPointer { shrink in
            offsets.withUnsafeBufferPointer { offsets in
              inverse.withUnsafeBufferPointer { inverse in
                let problem = RowProblem(
                  columns: Int64(columns), stride: kernels_tile_stride(Int64(columns)), group_size: Int64(groupSize),
                  groups: Int64(groups), largest_code: Int32(scheme.largestCode), symmetric: scheme.symmetric ? 1 : 0,
                  scale_type: scaleType, search: searchCode, beams: Int32(beams), shrink_count: Int32(shrink.count),
                  offset_count: Int32(offsets.count), shrink: shrink.baseAddress, offsets: offsets.baseAddress,
                  inverse: inverse.baseAddress, order: order.baseAddress, position: position.baseAddress,
                  curvature: curvature.baseAddress)
                return withUnsafePointer(to: problem, body)
              }
            }
          }
        }
      }
    }
  }

  private var scaleType: Int32 {
    switch scheme.scaleType {
    case .float32: Int32(kernels_scale_float32)
    case .float16: Int32(kernels_scale_float16)
    case .bfloat16: Int32(kernels_scale_bfloat16)
    }
  }

  private var searchCode: Int32 {
    switch search {
    case .minmax: Int32(kernels_search_minmax)
    case .l24: Int32(kernels_search_l24)
    case .curvature, .schur: Int32(kernels_search_curvature)
    }
  }
}
