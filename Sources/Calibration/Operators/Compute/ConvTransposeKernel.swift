import Graphs
import LinearAlgebra

/// ConvTranspose: the adjoint of a 1-D or 2-D convolution.
///
/// Per image and group one matrix product gives every input position's contribution to the kernel's taps, which are
/// then added up where they fall in the output.
struct ConvTransposeKernel: OperatorKernel {
  private let window: Window
  private let groups: Int
  private let outputPadding: [Int]?
  private let outputShape: [Int]?

  init(_ node: Node) throws(OperatorError) {
    window = try Window(node)
    groups = node.int("group", default: 1)
    guard groups >= 1 else { throw .invalid("group is \(groups)") }
    outputPadding = try Window.sizes(node, "output_padding", atLeast: 0)
    let shape = try Window.sizes(node, "output_shape", atLeast: 1)
    outputShape = shape?.isEmpty == true ? nil : shape
  }

  /// Output size and zeros before it, per spatial dimension; two of each, a missing dimension has size 1.
  private struct Placement {
    var input, kernel, strides, dilations, before, output: [Int]
  }

  private func place(_ input: [Int], _ kernel: [Int]) throws(OperatorError) -> Placement {
    let rank = input.count
    let (strides, dilations, pads) = try window.lists(rank: rank)
    let extra = outputPadding ?? [Int](repeating: 0, count: rank)
    guard extra.count == rank, kernel.allSatisfy({ (1...Int(Int32.max)).contains($0) }),
      input.allSatisfy({ (1...Int(Int32.max)).contains($0) })
    else { throw .invalid("output_padding \(extra), a kernel of \(kernel), an input of \(input)") }
    // Some writers give output_shape with batch and channels.
    let wanted = outputShape.map { $0.count == rank + 2 ? Array($0[2...]) : $0 }
    guard wanted == nil || wanted!.count == rank else {
      throw .invalid("output_shape \(wanted!) for \(rank) spatial dimensions")
    }
    var result = Placement(
      input: input, kernel: kernel, strides: strides, dilations: dilations, before: [], output: [])
    for axis in 0..<rank {
      let full = strides[axis] * (input[axis] - 1) + extra[axis] + (kernel[axis] - 1) * dilations[axis] + 1
      let automatic = window.autoPad == .sameUpper || window.autoPad == .sameLower
      if wanted != nil || automatic {
        let output = wanted?[axis] ?? input[axis] * strides[axis]
        let total = max(full - output, 0)
        result.before.append(window.autoPad == .sameLower ? total - total / 2 : total / 2)
        result.output.append(output)
      } else {
        let (before, after) = window.autoPad == .valid ? (0, 0) : (pads[axis], pads[rank + axis])
        guard full - before - after >= 1 else { throw .invalid("pads \(pads) leave nothing of an output of \(full)") }
        result.before.append(before)
        result.output.append(full - before - after)
      }
    }
    return result
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let x = try ComputeChecks.float(inputs, 0, "X")
    let w = try ComputeChecks.float(inputs, 1, "W")
    let b = try ComputeChecks.optionalFloat(inputs, 2, "B")
    guard x.shape.count >= 3, x.shape.count == w.shape.count, x.shape[1] == w.shape[0],
      x.shape[1] % groups == 0, x.shape[1] > 0, w.shape[1] > 0
    else { throw .invalid("an input of \(x.shape) in \(groups) groups does not fit a weight of \(w.shape)") }
    let kernel = Array(w.shape[2...])
    guard window.kernel == nil || window.kernel! == kernel else {
      throw .invalid("kernel_shape \(window.kernel!) contradicts a weight of \(w.shape)")
    }
    let outputs = w.shape[1] * groups
    guard b == nil || b!.shape == [outputs] else { throw .invalid("a bias of \(b!.shape) for \(outputs) channels") }
    return [TensorType(.float32, [x.shape[0], outputs] + (try place(Array(x.shape[2...]), kernel)).output)]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let (x, w, b) = (inputs[0]!, inputs[1]!, ComputeChecks.optional(inputs, 2))
    var place = try place(Array(x.shape[2...]), Array(w.shape[2...]))
    let outputs = w.shape[1] * groups
    let shape = [x.shape[0], outputs] + place.output
    if place.input.count == 1 {
      place = Placement(
        input: [1] + place.input, kernel: [1] + place.kernel, strides: [1] + place.strides,
        dilations: [1] + place.dilations, before: [0] + place.before, output: [1] + place.output)
    }
    let (sourcePlane, plane) = (place.input[0] * place.input[1], place.output[0] * place.output[1])
    let taps = place.kernel[0] * place.kernel[1]
    let (inputsPerGroup, outputsPerGroup) = (x.shape[1] / groups, w.shape[1])
    let bias = b?.array(of: Float.self)
    let result = Tensor(shape: shape) { (y: UnsafeMutableBufferPointer<Float>) in
      guard let destination = y.baseAddress, !y.isEmpty else { return }
      x.withElements { (source: UnsafeBufferPointer<Float>) in
        w.withElements { (weights: UnsafeBufferPointer<Float>) in
          Temporary.withFloats(outputsPerGroup * taps * sourcePlane) { columns in
            for image in 0..<x.shape[0] {
              for group in 0..<groups {
                // columns = W^T X: (outputs * taps) x positions.
                GEMM.multiply(
                  rows: outputsPerGroup * taps, columns: sourcePlane, depth: inputsPerGroup,
                  weights.baseAddress! + group * inputsPerGroup * outputsPerGroup * taps,
                  stride: outputsPerGroup * taps, transposed: true,
                  source.baseAddress! + (image * x.shape[1] + group * inputsPerGroup) * sourcePlane,
                  stride: sourcePlane, into: columns, stride: sourcePlane)
                for channel in 0..<outputsPerGroup {
                  let index = group * outputsPerGroup + channel
                  let target = destination + (image * outputs + index) * plane
                  target.update(repeating: bias?[index] ?? 0, count: plane)
                  Self.scatter(columns + channel * taps * sourcePlane, place, into: target)
                }
              }
            }
          }
        }
      }
    }
    return [result]
  }

  /// Adds each tap's plane of contributions to the output plane, moved by the tap's position.
  private static func scatter(
    _ columns: UnsafePointer<Float>, _ place: Placement, into target: UnsafeMutablePointer<Float>
  ) {
    let (height, width) = (place.input[0], place.input[1])
    for p in 0..<place.kernel[0] {
      for q in 0..<place.kernel[1] {
        let contributions = columns + (p * place.kernel[1] + q) * height * width
        let shift = q * place.dilations[1] - place.before[1]
        for row in 0..<height {
          let r = row * place.strides[0] + p * place.dilations[0] - place.before[0]
          guard r >= 0, r < place.output[0] else { continue }
          let (line, source) = (target + r * place.output[1], contributions + row * width)
          for column in 0..<width {
            let c = column * place.strides[1] + shift
            if c >= 0 && c < place.output[1] { line[c] += source[column] }
          }
        }
      }
    }
  }
}
