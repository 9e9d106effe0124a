internal import CMPI
import Glibc

/// MPI between its initialization and its end: the owner of `world`. Corresponds to `MPI_Init_thread`.
///
/// Most programs use `run`, which also decides how the program ends. There is one environment in the life of a process.
public struct MPIEnvironment: ~Copyable {
  /// The threads that may call MPI; not less than what was required. Corresponds to `MPI_Query_thread`.
  public let threadLevel: ThreadLevel

  /// Initializes MPI: asks for `ThreadLevel.multiple` and is content with `required`.
  ///
  /// Throws `MPIError.threadLevel` if the library offers less. Without `mpirun` the world has one rank.
  /// Corresponds to `MPI_Init_thread`.
  public init(requiring required: ThreadLevel = .serialized) throws(MPIError) {
    precondition(cmpi_was_initialized() == 0, "MPI is initialized once in the life of a process")
    // Open MPI's busy waits give the core away at every turn, unless somebody has said otherwise. On a core of its own this
    // costs nothing; beside other ranks or programs it saves whole time slices (Benchmarks/cluster).
    unsafe setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0)
    if Self.mayHaveSeveralNodes {
      // Open MPI's reductions of many elements are not pipelined, or in messages that first ask the receiver: three times
      // slower on 4 and 8 nodes than rank to rank in segments that are sent at once. Within a node it is the other way
      // round, the more so where ranks share cores. What all ranks gather takes half the time in a ring
      // (Benchmarks/cluster).
      for (parameter, value) in [
        ("use_dynamic_rules", "1"), ("reduce_algorithm", "3"), ("reduce_algorithm_segmentsize", "61440"),
        ("allgatherv_algorithm", "3"),
      ] {
        unsafe setenv("OMPI_MCA_coll_tuned_" + parameter, value, 0)
      }
    }
    var provided: Int32 = 0
    try check("MPI_Init_thread", unsafe cmpi_init_thread(ThreadLevel.multiple.raw, &provided))
    let level = ThreadLevel(raw: provided)
    if level < required {
      _ = MPI_Finalize()
      throw .threadLevel(required: required, provided: level)
    }
    // The library's default is to end the job without a word on what the program was doing.
    try check("MPI_Comm_set_errhandler", unsafe cmpi_return_errors(cmpi_comm_world()))
    threadLevel = level
  }

  /// Whether ranks of the job run on other nodes, as Open MPI's launcher tells its processes before the initialization.
  private static var mayHaveSeveralNodes: Bool {
    func number(_ name: String) -> Int? { unsafe getenv(name).flatMap { unsafe Int(String(cString: $0)) } }
    guard let all = number("OMPI_COMM_WORLD_SIZE"), let here = number("OMPI_COMM_WORLD_LOCAL_SIZE") else {
      return false
    }
    return here < all
  }

  /// The communicator of all ranks of the job. Corresponds to `MPI_COMM_WORLD`.
  public var world: Communicator {
    unsafe Communicator(world: cmpi_comm_world(), rank: Self.worldRank, size: Self.worldSize)
  }

  /// Ends MPI in good order. Every rank calls it. Corresponds to `MPI_Finalize`.
  public consuming func finalize() throws(MPIError) {
    discard self
    try check("MPI_Finalize", MPI_Finalize())
  }

  /// Gives the environment up without a call of MPI, for an end of the process that is already decided.
  consuming func leave() {
    discard self
  }

  /// An environment that is dropped means that an error is on its way out of the program: `MPI_Finalize` would wait for ranks
  /// that may never come, so the job is aborted.
  deinit {
    Self.report("the environment was left without finalize()")
    _ = cmpi_abort(1)
  }

  /// Ends all ranks of the job at once with an exit status that is not zero. Corresponds to `MPI_Abort`.
  public static func abort(status: Int32) -> Never {
    precondition(status != 0, "an aborted job has an exit status that is not zero")
    fflush(nil)
    if cmpi_is_running() != 0 { _ = cmpi_abort(status) }
    exit(status)
  }

  /// Says why on standard error, with the name of this rank, and aborts. Corresponds to `MPI_Abort`.
  public static func abort(reason: String, status: Int32) -> Never {
    report(reason)
    abort(status: status)
  }

  /// Writes one line to standard error: `rankwise: rank 2 on node1: text`.
  static func report(_ text: String) {
    fflush(nil)
    let program = CommandLine.arguments[0].split(separator: "/").last ?? "mpi"
    let place = cmpi_is_running() != 0 ? "rank \(worldRank) on \(processorName): " : ""
    // In one piece, so that lines of several ranks do not mix.
    var line = Array("\(program): \(place)\(text)\n".utf8)[...]
    while !line.isEmpty {
      let written = unsafe line.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
      if written < 0 && errno != EINTR { break }
      line = line.dropFirst(max(written, 0))
    }
  }
}
