import Foundation

/// Whether a person watches standard output.
enum Terminal {
  /// True if standard output ends at a terminal.
  ///
  /// mpirun gives its ranks a pseudo-terminal even when its own output goes to a file, so under mpirun the question
  /// is asked of the parent process: where does *its* standard output go?
  static var isInteractive: Bool {
    guard isatty(STDOUT_FILENO) == 1, ProcessInfo.processInfo.environment["TERM"].map({ $0 != "dumb" }) ?? false
    else { return false }
    guard ProcessInfo.processInfo.environment["OMPI_COMM_WORLD_SIZE"] != nil else { return true }
    let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(getppid())/fd/1")
    return target.map { $0.hasPrefix("/dev/pts/") || $0.hasPrefix("/dev/tty") } ?? false
  }
}
