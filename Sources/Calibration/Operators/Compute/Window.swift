import Graphs

/// How a kernel slides over the spatial dimensions of its input: the attributes that convolution and pooling share.
struct Window: Sendable {
  /// Kernel size if the node states it.
  let kernel: [Int]?
  let strides: [Int]?
  let dilations: [Int]?
  let pads: [Int]?
  let autoPad: AutoPad
  /// Whether a last window that only partly fits is kept.
  let ceil: Bool
  /// The most spatial dimensions that the operator can do.
  private let maximumRank: Int

  /// ONNX's `auto_pad`.
  enum AutoPad: String, Sendable {
    case explicit = "NOTSET"
    case valid = "VALID"
    case sameUpper = "SAME_UPPER"
    case sameLower = "SAME_LOWER"
  }

  /// A window over an input of known size; each array has one element per spatial dimension.
  struct Placement: Hashable, Sendable {
    var input: [Int]
    var kernel: [Int]
    var strides: [Int]
    var dilations: [Int]
    var before: [Int]
    var after: [Int]
    var output: [Int]
  }

  /// Reads and checks the attributes of an operator over up to `maximumRank` spatial dimensions.
  init(_ node: Node, maximumRank: Int = 2) throws(OperatorError) {
    self.maximumRank = maximumRank
    kernel = try Self.sizes(node, "kernel_shape", atLeast: 1)
    strides = try Self.sizes(node, "strides", atLeast: 1)
    dilations = try Self.sizes(node, "dilations", atLeast: 1)
    pads = try Self.sizes(node, "pads", atLeast: 0)
    let name = node.string("auto_pad", default: "NOTSET")
    guard let autoPad = AutoPad(rawValue: name) else { throw .invalid("auto_pad is \(name)") }
    self.autoPad = autoPad
    ceil = node.int("ceil_mode", default: 0) != 0
    for (name, values) in [("kernel_shape", kernel), ("strides", strides), ("dilations", dilations)] {
      guard let values else { continue }
      guard (1...maximumRank).contains(values.count) else {
        throw .unsupported("\(values.count) spatial dimensions (\(name) \(values)); 1 to \(maximumRank) are")
      }
    }
  }

  /// A list of integers in a range whose products cannot overflow.
  static func sizes(_ node: Node, _ name: String, atLeast minimum: Int) throws(OperatorError) -> [Int]? {
    guard let values = node.ints(name) else { return nil }
    guard values.allSatisfy({ (minimum...Int(Int32.max)).contains($0) }) else {
      if name == "pads" && values.contains(where: { $0 < 0 }) { throw .unsupported("negative pads \(values)") }
      throw .invalid("\(name) is \(values)")
    }
    return values
  }

  /// The attributes for `rank` spatial dimensions, defaults filled in; throws if a count is wrong.
  func lists(rank: Int) throws(OperatorError) -> (strides: [Int], dilations: [Int], pads: [Int]) {
    guard (1...maximumRank).contains(rank) else {
      throw .unsupported("\(rank) spatial dimensions; 1 to \(maximumRank) are")
    }
    let one = [Int](repeating: 1, count: rank)
    let lists = (strides ?? one, dilations ?? one, pads ?? [Int](repeating: 0, count: 2 * rank))
    guard lists.0.count == rank, lists.1.count == rank, lists.2.count == 2 * rank else {
      throw .invalid("strides \(lists.0), dilations \(lists.1), pads \(lists.2) for \(rank) spatial dimensions")
    }
    return lists
  }

  /// Where the windows of `kernel` lie on an input of spatial size `input`.
  func place(input: [Int], kernel: [Int]) throws(OperatorError) -> Placement {
    let rank = input.count
    let (strides, dilations, pads) = try lists(rank: rank)
    guard kernel.count == rank, kernel.allSatisfy({ (1...Int(Int32.max)).contains($0) }),
      input.allSatisfy({ $0 <= Int(Int32.max) })
    else { throw .invalid("a kernel of \(kernel) for an input of \(input)") }
    var placement = Placement(
      input: input, kernel: kernel, strides: strides, dilations: dilations,
      before: [Int](repeating: 0, count: rank), after: [Int](repeating: 0, count: rank), output: [])
    for axis in 0..<rank {
      let (size, stride) = (input[axis], strides[axis])
      let reach = (kernel[axis] - 1) * dilations[axis] + 1
      switch autoPad {
      case .valid: break
      case .explicit: (placement.before[axis], placement.after[axis]) = (pads[axis], pads[rank + axis])
      case .sameUpper, .sameLower:
        let output = (size + stride - 1) / stride
        let total = max((output - 1) * stride + reach - size, 0)
        let small = total / 2
        placement.before[axis] = autoPad == .sameUpper ? small : total - small
        placement.after[axis] = total - placement.before[axis]
      }
      let free = size + placement.before[axis] + placement.after[axis] - reach
      guard free >= 0 else {
        throw .invalid(
          "a kernel that reaches over \(reach) does not fit an input of \(size) with its pads (\(placement))")
      }
      var output = (ceil ? free + stride - 1 : free) / stride + 1
      // A window that starts in the padding behind the input reads nothing and is left out.
      if ceil && (output - 1) * stride >= size + placement.before[axis] { output -= 1 }
      placement.output.append(output)
    }
    return placement
  }
}
