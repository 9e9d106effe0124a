internal import CDNNL

/// Weights of a convolution in the order that a primitive reads them.
public final class DNNPackedWeights: @unchecked Sendable {
  fileprivate let layout: DNNLayout
  private let bytes: UnsafeMutableRawPointer
  // One view for all threads: making a view of a padded layout writes the padding, so it is made before sharing.
  fileprivate let memory: DNNMemory

  fileprivate init(_ layout: DNNLayout) throws(DNNError) {
    self.layout = layout
    bytes = .allocate(byteCount: max(layout.byteCount, 1), alignment: 64)
    do {
      memory = try DNNMemory(layout, bytes)
    } catch {
      bytes.deallocate()
      throw error
    }
  }

  deinit { bytes.deallocate() }
}

/// A float32 convolution of one shape: plain arrays in and out, oneDNN's blocked order inside.
///
/// Any number of threads may run one object at a time; each call computes on its own thread alone, and its result
/// depends on the inputs only.
public final class DNNConvolution: Sendable {
  /// The sizes it was made for.
  public let shape: ConvolutionShape
  private let primitive: DNNPrimitive
  private let plain: (source: DNNLayout, weights: DNNLayout, destination: DNNLayout, bias: DNNLayout?)
  private let chosen: (source: DNNLayout, weights: DNNLayout, destination: DNNLayout)
  /// Reorder into the chosen order of the source, and out of that of the destination; nil where that is plain.
  private let reorders: (source: DNNPrimitive?, destination: DNNPrimitive?)

  /// Plans the convolution; throws `DNNError` if oneDNN refuses the shape.
  public init(_ shape: ConvolutionShape) throws(DNNError) {
    self.shape = shape
    let source = [shape.batch, shape.inputChannels] + shape.input
    let destination = [shape.batch, shape.outputChannels] + shape.output
    let (inputs, outputs) = (shape.inputChannels / shape.groups, shape.outputChannels / shape.groups)
    let weights = (shape.groups == 1 ? [] : [shape.groups]) + [outputs, inputs] + shape.kernel
    let bias = shape.hasBias ? try DNNLayout([shape.outputChannels], dnnl_a) : nil
    plain = (
      try DNNLayout(source, dnnl_abcd), try DNNLayout(weights, shape.groups == 1 ? dnnl_abcd : dnnl_abcde),
      try DNNLayout(destination, dnnl_abcd), bias
    )

    var operation = dnnl_convolution_desc_t()
    var any = (
      try DNNLayout(source, dnnl_format_tag_any).descriptor, try DNNLayout(weights, dnnl_format_tag_any).descriptor,
      try DNNLayout(destination, dnnl_format_tag_any).descriptor
    )
    let strides = shape.strides.map(Int64.init)
    let dilations = shape.dilations.map { Int64($0 - 1) }  // oneDNN counts the gaps
    let (before, after) = (shape.padsBefore.map(Int64.init), shape.padsAfter.map(Int64.init))
    func initialize(_ bias: UnsafePointer<dnnl_memory_desc_t>?) -> dnnl_status_t {
      dnnl_dilated_convolution_forward_desc_init(
        &operation, dnnl_forward_inference, dnnl_convolution_direct, &any.0, &any.1, bias, &any.2, strides, dilations,
        before, after)
    }
    let status = if let bias { withUnsafePointer(to: bias.descriptor, initialize) } else { initialize(nil) }
    try checkDNN("dnnl_dilated_convolution_forward_desc_init", status)

    var layouts: (DNNLayout, DNNLayout, DNNLayout)?
    primitive = try DNNPrimitive("convolution", operation) { descriptor in
      layouts = (
        descriptor.layout(dnnl_query_src_md), descriptor.layout(dnnl_query_weights_md),
        descriptor.layout(dnnl_query_dst_md)
      )
    }
    chosen = (layouts!.0, layouts!.1, layouts!.2)
    reorders = (
      chosen.source == plain.source ? nil : try DNNPrimitive(reorder: plain.source, to: chosen.source),
      chosen.destination == plain.destination
        ? nil : try DNNPrimitive(reorder: chosen.destination, to: plain.destination)
    )
  }

  /// Brings weights (outputs x inputs per group x height x width, row-major) into the order that `run` reads.
  public func pack(_ weights: UnsafeBufferPointer<Float>) throws(DNNError) -> DNNPackedWeights {
    precondition(weights.count == shape.weightCount, "\(weights.count) weights for \(shape)")
    let packed = try DNNPackedWeights(chosen.weights)
    let source = try DNNMemory(plain.weights, weights.baseAddress!)
    try DNNPrimitive(reorder: plain.weights, to: chosen.weights).execute(from: source, to: packed.memory)
    return packed
  }

  /// Whether weights packed for another shape can be used here.
  public func accepts(_ weights: DNNPackedWeights) -> Bool { weights.layout == chosen.weights }

  /// Computes `destination` (batch x outputs x height x width) from `source` (batch x inputs x height x width).
  public func run(
    _ source: UnsafeBufferPointer<Float>, weights: DNNPackedWeights, bias: UnsafeBufferPointer<Float>?,
    into destination: UnsafeMutableBufferPointer<Float>
  ) throws(DNNError) {
    precondition(source.count == shape.sourceCount, "\(source.count) inputs for \(shape)")
    precondition(destination.count == shape.destinationCount, "\(destination.count) outputs for \(shape)")
    precondition((bias?.count ?? 0) == (shape.hasBias ? shape.outputChannels : 0), "a bias of another size")
    precondition(accepts(weights), "weights were packed for another shape")
    let input = try DNNMemory(plain.source, source.baseAddress!)
    let output = try DNNMemory(plain.destination, destination.baseAddress!)
    let inputScratch = Scratch(byteCount: reorders.source == nil ? 0 : chosen.source.byteCount)
    let outputScratch = Scratch(byteCount: reorders.destination == nil ? 0 : chosen.destination.byteCount)
    let blockedInput = try DNNMemory(
      chosen.source,
      reorders.source == nil ? UnsafeRawPointer(source.baseAddress!) : UnsafeRawPointer(inputScratch.base))
    let blockedOutput = try DNNMemory(
      chosen.destination,
      reorders.destination == nil ? UnsafeRawPointer(destination.baseAddress!) : UnsafeRawPointer(outputScratch.base))
    try reorders.source?.execute(from: input, to: blockedInput)
    var arguments = [
      dnnl_exec_arg_t(arg: DNNL_ARG_SRC, memory: blockedInput.handle),
      dnnl_exec_arg_t(arg: DNNL_ARG_WEIGHTS, memory: weights.memory.handle),
      dnnl_exec_arg_t(arg: DNNL_ARG_DST, memory: blockedOutput.handle),
    ]
    if let layout = plain.bias, let bias {
      let memory = try DNNMemory(layout, bias.baseAddress!)
      arguments.append(dnnl_exec_arg_t(arg: DNNL_ARG_BIAS, memory: memory.handle))
      try primitive.execute(arguments)
    } else {
      try primitive.execute(arguments)
    }
    try reorders.destination?.execute(from: blockedOutput, to: output)
  }
}
