import Graphs
import Testing

@testable import Calibration

@Suite("Resize")
struct DataResizeTests {
  /// A row of four, resized by a scale.
  private func row(_ scale: Float, _ attributes: [String: String]) throws -> [Float] {
    let attributes = attributes.mapValues { Attribute.string($0) }
    return try values(.resize, [counting([1, 4]), nil, Tensor([1, scale], shape: [2])], attributes)
  }

  @Test("nearest neighbours by each way of rounding")
  func nearest() throws {
    // asymmetric by 8/4 samples at 0, 0.5, 1, ...
    func rounded(_ mode: String) throws -> [Float] {
      try row(2, ["mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": mode])
    }
    #expect(try rounded("round_prefer_floor") == [0, 0, 1, 1, 2, 2, 3, 3])
    #expect(try rounded("round_prefer_ceil") == [0, 1, 1, 2, 2, 3, 3, 3])
    #expect(try rounded("floor") == [0, 0, 1, 1, 2, 2, 3, 3])
    #expect(try rounded("ceil") == [0, 1, 1, 2, 2, 3, 3, 3])
    #expect(try row(0.5, ["mode": "nearest"]) == [0, 2])
  }

  @Test("linear interpolation in each coordinate system")
  func linear() throws {
    func sampled(_ coordinates: String, _ scale: Float) throws -> [Float] {
      try row(scale, ["mode": "linear", "coordinate_transformation_mode": coordinates])
    }
    // half_pixel by 2 samples at -0.25 (clamped to the end), 0.25, 0.75, ...
    #expect(try sampled("half_pixel", 2) == [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])
    #expect(try sampled("half_pixel_symmetric", 2) == sampled("half_pixel", 2))
    #expect(try sampled("asymmetric", 2) == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3])
    #expect(try sampled("align_corners", 1.75) == [0, 0.5, 1, 1.5, 2, 2.5, 3])
    #expect(try sampled("pytorch_half_pixel", 0.25) == [0])
    #expect(try sampled("half_pixel", 0.25) == [1.5])
  }

  @Test("two dimensions are interpolated one after the other")
  func bilinear() throws {
    let x = Tensor([Float](arrayLiteral: 1, 2, 3, 4), shape: [1, 1, 2, 2])
    let result = try runOperator(
      .resize, [x, nil, nil, list(3, 3)],
      ["mode": .string("linear"), "coordinate_transformation_mode": .string("align_corners"), "axes": .ints([2, 3])])[0]
    #expect(result.shape == [1, 1, 3, 3])
    #expect(result.array(of: Float.self) == [1, 1.5, 2, 2, 2.5, 3, 3, 3.5, 4])
  }

  @Test("cubic interpolation reproduces a line where its four points are inside")
  func cubic() throws {
    // The cubic convolution of any coefficient is exact for constants, that of -0.5 for straight lines.
    let result: [Float] = try values(
      .resize, [counting([8]), nil, Tensor([Float(2)], shape: [1])],
      ["mode": .string("cubic"), "cubic_coeff_a": .float(-0.5)])
    for index in 4..<12 {
      // Eight roundings of values below 8: each at most half of 2^-21.
      #expect(abs(result[index] - (Float(index) + 0.5) / 2 + 0.5) < 4e-6)
    }
  }

  @Test("antialiasing averages over what a sample stands for")
  func antialias() throws {
    let result: [Float] = try values(
      .resize,
      [Tensor([Float](arrayLiteral: 0, 0, 8, 0, 0, 0, 0, 0), shape: [8]), nil, Tensor([Float(0.5)], shape: [1])],
      ["mode": .string("linear"), "antialias": .int(1)])
    // Samples at 0.5, 2.5, ...: a triangle of half width 2 has weights 1/8, 3/8, 3/8, 1/8 around each.
    #expect(result == [1, 3, 0, 0])
  }

  @Test("sizes keep the aspect ratio if asked to")
  func aspectRatio() throws {
    func shape(_ policy: String) throws -> [Int] {
      try runOperator(
        .resize, [counting([2, 4]), nil, nil, list(7, 8)], ["keep_aspect_ratio_policy": .string(policy)])[0].shape
    }
    #expect(try shape("stretch") == [7, 8])
    #expect(try shape("not_larger") == [4, 8])
    #expect(try shape("not_smaller") == [7, 14])
  }

  @Test("a crop takes its region, and the extrapolation value beyond the input")
  func crop() throws {
    let region = Tensor([Float](arrayLiteral: 0.5, 1.5), shape: [2])
    let attributes: [String: Attribute] = [
      "coordinate_transformation_mode": .string("tf_crop_and_resize"), "extrapolation_value": .float(9),
    ]
    for mode in ["nearest", "linear"] {
      let result: [Float] = try values(
        .resize, [counting([5]), region, nil, list(3)], attributes.merging(["mode": .string(mode)]) { $1 })
      #expect(result == [2, 4, 9])
    }
  }

  @Test("what cannot be is refused")
  func refusals() throws {
    let x = counting([2, 2])
    #expect(throws: OperatorError.invalid("exactly one of scales and sizes must be given")) {
      try runOperator(.resize, [x, nil, nil, nil])
    }
    #expect(throws: OperatorError.self) { try runOperator(.resize, [x, nil, Tensor([Float(2)], shape: [1])]) }
    #expect(throws: OperatorError.self) { try runOperator(.resize, [x, nil, Tensor([Float(1), .nan], shape: [2])]) }
    #expect(throws: OperatorError.unsupported("Resize with mode area")) {
      try runOperator(.resize, [x], ["mode": .string("area")])
    }
  }
}
