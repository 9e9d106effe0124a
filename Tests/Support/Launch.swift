import Foundation

/// How a program that a test started has ended.
public struct Launch: Sendable {
  /// The exit status; 128 plus the number of the signal that ended the program.
  public let status: Int32
  /// What it wrote to standard output.
  public let output: String
  /// What it wrote to standard error.
  public let errors: String
  /// How long it ran.
  public let duration: Duration
  /// Whether it had to be killed because it ran longer than it was given.
  public let timedOut: Bool
}

/// Why a program could not be started.
public enum LaunchError: Error, CustomStringConvertible {
  /// No built product has this name; the places where it was looked for.
  case notBuilt(String, searched: [String])
  /// No folder of `PATH` holds this program.
  case notFound(String)

  /// One sentence that says what to do.
  public var description: String {
    switch self {
    case .notBuilt(let name, let searched): "no executable \(name) in \(searched); build all targets first"
    case .notFound(let name): "no program \(name) in PATH; install it"
    }
  }
}

/// Starts `executable` under `mpirun` with one process per rank and waits for its end.
///
/// The environment is cleaned of what an MPI job leaves in it, so that this works inside of one. After `timeout` the job is
/// killed. `environment` is added to what is inherited.
public func mpirun(
  ranks: Int, executable: URL, arguments: [String] = [], environment: [String: String] = [:],
  timeout: Duration = .seconds(60)
) throws -> Launch {
  var inherited = ProcessInfo.processInfo.environment.filter { name, _ in
    name.hasPrefix("OMPI_ALLOW_RUN_AS_ROOT") || !["OMPI_", "PMIX_", "PMI_", "ORTE_"].contains { name.hasPrefix($0) }
  }
  if getuid() == 0 {
    // Open MPI refuses to run as root, as containers do, unless told twice.
    inherited["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
    inherited["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
  }
  inherited.merge(environment) { _, new in new }
  return try launch(
    try program(named: "mpirun"),
    ["--oversubscribe", "--bind-to", "none", "-n", String(ranks), executable.path] + arguments,
    environment: inherited, timeout: timeout)
}

/// Starts a program and waits for its end; after `timeout` it is told to end, and then killed.
public func launch(
  _ executable: URL, _ arguments: [String], environment: [String: String], timeout: Duration = .seconds(60)
) throws -> Launch {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("launch-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  // Files, not pipes: a full pipe would stop the program while nobody reads.
  func stream(_ name: String) throws -> (URL, FileHandle) {
    let file = folder.appendingPathComponent(name)
    try Data().write(to: file)
    return (file, try FileHandle(forWritingTo: file))
  }
  let (outputFile, output) = try stream("output")
  let (errorsFile, errors) = try stream("errors")
  let process = Process()
  process.executableURL = executable
  process.arguments = arguments
  process.environment = environment
  process.standardInput = FileHandle.nullDevice
  process.standardOutput = output
  process.standardError = errors

  let start = ContinuousClock.now
  // A program inherits the mask of the thread that starts it, and a thread of a test runner may block signals.
  var (none, mask) = (sigset_t(), sigset_t())
  sigemptyset(&none)
  pthread_sigmask(SIG_SETMASK, &none, &mask)
  defer { pthread_sigmask(SIG_SETMASK, &mask, nil) }
  try process.run()
  func isOver(within patience: Duration) -> Bool {
    let end = ContinuousClock.now + patience
    while process.isRunning && ContinuousClock.now < end { usleep(5_000) }
    return !process.isRunning
  }
  let timedOut = !isOver(within: timeout)
  if timedOut {
    // mpirun needs a moment to end its ranks; one that is killed leaves them to notice by themselves.
    process.terminate()
    if !isOver(within: .seconds(5)) { kill(process.processIdentifier, SIGKILL) }
  }
  process.waitUntilExit()
  return Launch(
    status: process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus,
    output: String(decoding: try Data(contentsOf: outputFile), as: UTF8.self),
    errors: String(decoding: try Data(contentsOf: errorsFile), as: UTF8.self),
    duration: ContinuousClock.now - start, timedOut: timedOut)
}

/// The executable product `name` of this package, built beside the running test bundle.
public func builtExecutable(named name: String) throws -> URL {
  // The bundle is the running program, or an argument of the runner that loads it.
  let candidates =
    [URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()]
    + CommandLine.arguments.filter { $0.contains(".xctest") }.map { URL(fileURLWithPath: $0) }
  let folders = candidates.map { $0.deletingLastPathComponent() }
  for folder in folders {
    let file = folder.appendingPathComponent(name)
    if FileManager.default.isExecutableFile(atPath: file.path) { return file }
  }
  throw LaunchError.notBuilt(name, searched: folders.map(\.path))
}

/// The program `name` of the first folder in `PATH` that has one.
public func program(named name: String) throws -> URL {
  let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
  for folder in path.split(separator: ":") {
    let file = URL(fileURLWithPath: String(folder)).appendingPathComponent(name)
    if FileManager.default.isExecutableFile(atPath: file.path) { return file }
  }
  throw LaunchError.notFound(name)
}
