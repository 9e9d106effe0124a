internal import CDNNL

/// Throws unless `status` is success; `call` names the function for people.
func checkDNN(_ call: String, _ status: dnnl_status_t) throws(DNNError) {
  if status != dnnl_success { throw .failed(call: call, status: Int(status.rawValue)) }
}

/// The processor as oneDNN's engine, shared by all primitives and threads.
struct DNNEngine: @unchecked Sendable {
  /// oneDNN's handle; lives as long as the process.
  let handle: dnnl_engine_t

  private static let shared: Result<DNNEngine, DNNError> = {
    var engine: dnnl_engine_t?
    let status = dnnl_engine_create(&engine, dnnl_cpu, 0)
    guard status == dnnl_success, let engine else {
      return .failure(.failed(call: "dnnl_engine_create", status: Int(status.rawValue)))
    }
    return .success(DNNEngine(handle: engine))
  }()

  /// The engine of this process, made at the first call.
  static func cpu() throws(DNNError) -> DNNEngine {
    // A primitive is planned for, and runs on, the number of threads that the calling thread may start: always one,
    // so that no result depends on a setting of the environment.
    omp_set_num_threads(1)
    return try shared.get()
  }
}

/// The layout of an array in memory: dimensions, and how oneDNN orders them.
struct DNNLayout: @unchecked Sendable {
  /// oneDNN's descriptor.
  let descriptor: dnnl_memory_desc_t

  /// Wraps a descriptor that oneDNN chose.
  init(_ descriptor: dnnl_memory_desc_t) { self.descriptor = descriptor }

  /// A float32 array of `dimensions` in the order `tag`.
  init(_ dimensions: [Int], _ tag: dnnl_format_tag_t) throws(DNNError) {
    var descriptor = dnnl_memory_desc_t()
    try checkDNN(
      "dnnl_memory_desc_init_by_tag",
      dnnl_memory_desc_init_by_tag(
        &descriptor, Int32(dimensions.count), dimensions.map(Int64.init), dnnl_f32, tag))
    self.descriptor = descriptor
  }

  /// An array of `dimensions` whose neighbours along each are `strides` elements apart.
  init(_ dimensions: [Int], _ type: dnnl_data_type_t, strides: [Int]) throws(DNNError) {
    var descriptor = dnnl_memory_desc_t()
    try checkDNN(
      "dnnl_memory_desc_init_by_strides",
      dnnl_memory_desc_init_by_strides(
        &descriptor, Int32(dimensions.count), dimensions.map(Int64.init), type, strides.map(Int64.init)))
    self.descriptor = descriptor
  }

  /// Bytes of an array of this layout, padding included.
  var byteCount: Int { withUnsafePointer(to: descriptor) { Int(dnnl_memory_desc_get_size($0)) } }

  /// Whether two layouts are the same.
  static func == (left: DNNLayout, right: DNNLayout) -> Bool {
    withUnsafePointer(to: left.descriptor) { left in
      withUnsafePointer(to: right.descriptor) { right in dnnl_memory_desc_equal(left, right) != 0 }
    }
  }
}

/// Memory that someone else owns, seen by oneDNN in a layout.
struct DNNMemory: ~Copyable {
  /// oneDNN's handle.
  let handle: dnnl_memory_t

  /// Views the memory at `base`, which must outlive the view and have `layout.byteCount` bytes.
  init(_ layout: DNNLayout, _ base: UnsafeRawPointer) throws(DNNError) {
    var memory: dnnl_memory_t?
    let engine = try DNNEngine.cpu()
    let status = withUnsafePointer(to: layout.descriptor) {
      dnnl_memory_create(&memory, $0, engine.handle, UnsafeMutableRawPointer(mutating: base))
    }
    try checkDNN("dnnl_memory_create", status)
    handle = memory!
  }

  deinit { dnnl_memory_destroy(handle) }
}

/// One operation of oneDNN for one shape: made once, then executed by any number of threads at a time.
///
/// Nothing in it changes after `init`: the scratchpad is given by the caller of `execute`.
final class DNNPrimitive: @unchecked Sendable {
  private let handle: dnnl_primitive_t
  /// Layout of the memory that `execute` needs beside its arguments; may be empty.
  let scratchpad: DNNLayout

  /// Makes the primitive of a descriptor; `makeDescriptor` creates it for an engine and attributes.
  private init(
    _ name: String,
    describedBy makeDescriptor: (inout dnnl_primitive_desc_t?, dnnl_primitive_attr_t?, dnnl_engine_t) -> dnnl_status_t,
    inspect: (DNNPrimitiveDescriptor) -> Void
  ) throws(DNNError) {
    let engine = try DNNEngine.cpu()
    var attributes: dnnl_primitive_attr_t?
    try checkDNN("dnnl_primitive_attr_create", dnnl_primitive_attr_create(&attributes))
    defer { dnnl_primitive_attr_destroy(attributes) }
    try checkDNN(
      "dnnl_primitive_attr_set_scratchpad_mode",
      dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user))
    var descriptor: dnnl_primitive_desc_t?
    try checkDNN("descriptor of \(name)", makeDescriptor(&descriptor, attributes, engine.handle))
    defer { dnnl_primitive_desc_destroy(descriptor) }
    let chosen = DNNPrimitiveDescriptor(handle: descriptor!)
    var primitive: dnnl_primitive_t?
    try checkDNN("primitive \(name)", dnnl_primitive_create(&primitive, descriptor))
    handle = primitive!
    scratchpad = chosen.layout(dnnl_query_scratchpad_md)
    inspect(chosen)
  }

  /// Makes the primitive of an operation descriptor; `inspect` may ask which layouts oneDNN chose.
  convenience init<Operation>(
    _ name: String, _ operation: Operation, inspect: (DNNPrimitiveDescriptor) -> Void = { _ in }
  ) throws(DNNError) {
    try self.init(
      name,
      describedBy: { result, attributes, engine in
        withUnsafePointer(to: operation) { dnnl_primitive_desc_create(&result, $0, attributes, engine, nil) }
      }, inspect: inspect)
  }

  /// A copy from one layout to another.
  convenience init(reorder source: DNNLayout, to destination: DNNLayout) throws(DNNError) {
    try self.init(
      "reorder",
      describedBy: { result, attributes, engine in
        withUnsafePointer(to: source.descriptor) { source in
          withUnsafePointer(to: destination.descriptor) { destination in
            dnnl_reorder_primitive_desc_create(&result, source, engine, destination, engine, attributes)
          }
        }
      }, inspect: { _ in })
  }

  deinit { dnnl_primitive_destroy(handle) }

  /// Computes on the calling thread; `arguments` are pairs of `DNNL_ARG_...` and memory.
  func execute(_ arguments: [dnnl_exec_arg_t]) throws(DNNError) {
    let engine = try DNNEngine.cpu()
    var stream: dnnl_stream_t?
    try checkDNN("dnnl_stream_create", dnnl_stream_create(&stream, engine.handle, dnnl_stream_default_flags.rawValue))
    defer { dnnl_stream_destroy(stream) }
    let bytes = scratchpad.byteCount
    if bytes == 0 {
      try checkDNN("dnnl_primitive_execute", dnnl_primitive_execute(handle, stream, Int32(arguments.count), arguments))
    } else {
      let scratch = Scratch(byteCount: bytes)
      let memory = try DNNMemory(scratchpad, scratch.base)
      let all = arguments + [dnnl_exec_arg_t(arg: DNNL_ARG_SCRATCHPAD, memory: memory.handle)]
      try checkDNN("dnnl_primitive_execute", dnnl_primitive_execute(handle, stream, Int32(all.count), all))
    }
    try checkDNN("dnnl_stream_wait", dnnl_stream_wait(stream))
  }

  /// Reorders the array at `source` into `destination`; only for a primitive made by `init(reorder:to:)`.
  func execute(from source: borrowing DNNMemory, to destination: borrowing DNNMemory) throws(DNNError) {
    try execute([
      dnnl_exec_arg_t(arg: DNNL_ARG_SRC, memory: source.handle),
      dnnl_exec_arg_t(arg: DNNL_ARG_DST, memory: destination.handle),
    ])
  }
}

/// What oneDNN chose for a primitive.
struct DNNPrimitiveDescriptor {
  /// oneDNN's handle.
  let handle: dnnl_primitive_desc_t

  /// The layout chosen for an argument, such as `dnnl_query_weights_md`.
  func layout(_ query: dnnl_query_t) -> DNNLayout {
    guard let descriptor = dnnl_primitive_desc_query_md(handle, query, 0) else {
      return DNNLayout(dnnl_memory_desc_t())
    }
    return DNNLayout(descriptor.pointee)
  }
}
