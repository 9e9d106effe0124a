/// The sizes of a 2-D convolution over an array of batch x channels x height x width.
public struct ConvolutionShape: Hashable, Sendable {
  /// Images.
  public var batch: Int
  /// Channels of the input, all groups together.
  public var inputChannels: Int
  /// Channels of the output, all groups together.
  public var outputChannels: Int
  /// Groups of channels; each output channel reads only its group's inputs.
  public var groups: Int
  /// Height and width of the input.
  public var input: [Int]
  /// Height and width of the kernel.
  public var kernel: [Int]
  /// Step of the kernel in each dimension.
  public var strides: [Int]
  /// Distance of the kernel's taps in each dimension; 1 is dense.
  public var dilations: [Int]
  /// Zeros before the input in each dimension.
  public var padsBefore: [Int]
  /// Zeros behind the input in each dimension.
  public var padsAfter: [Int]
  /// Whether a bias per output channel is added.
  public var hasBias: Bool

  /// Makes a shape; each array has two elements.
  public init(
    batch: Int, inputChannels: Int, outputChannels: Int, groups: Int, input: [Int], kernel: [Int], strides: [Int],
    dilations: [Int], padsBefore: [Int], padsAfter: [Int], hasBias: Bool
  ) {
    precondition(
      [input, kernel, strides, dilations, padsBefore, padsAfter].allSatisfy { $0.count == 2 }, "a shape is not 2-D")
    (self.batch, self.inputChannels, self.outputChannels) = (batch, inputChannels, outputChannels)
    (self.groups, self.input, self.kernel, self.strides) = (groups, input, kernel, strides)
    (self.dilations, self.padsBefore, self.padsAfter) = (dilations, padsBefore, padsAfter)
    self.hasBias = hasBias
  }

  /// Height and width of the output.
  public var output: [Int] {
    (0..<2).map { axis in
      let reach = dilations[axis] * (kernel[axis] - 1) + 1
      return (input[axis] + padsBefore[axis] + padsAfter[axis] - reach) / strides[axis] + 1
    }
  }
  /// Elements of the input.
  public var sourceCount: Int { batch * inputChannels * input[0] * input[1] }
  /// Elements of the weights: outputs x inputs per group x kernel.
  public var weightCount: Int { outputChannels * (inputChannels / groups) * kernel[0] * kernel[1] }
  /// Elements of the output.
  public var destinationCount: Int { batch * outputChannels * output[0] * output[1] }
}
