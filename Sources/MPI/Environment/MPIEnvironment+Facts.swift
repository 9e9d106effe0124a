internal import CMPI

extension MPIEnvironment {
  /// Name and version of the library that runs, on one line. Corresponds to `MPI_Get_library_version`.
  public static var libraryVersion: String {
    let text = unsafe libraryString { unsafe MPI_Get_library_version($0, $1) } ?? "an unknown MPI library"
    // Open MPI counts the C string's end as a character; MPICH writes a table of its configuration on further lines.
    return String(text.prefix { $0 != "\n" && $0 != "\0" })
  }

  /// Version of the standard that the library follows. Corresponds to `MPI_Get_version`.
  public static var standardVersion: (major: Int, minor: Int) {
    var (major, minor): (Int32, Int32) = (0, 0)
    _ = unsafe MPI_Get_version(&major, &minor)
    return (Int(major), Int(minor))
  }

  /// The name of the host that this rank runs on. Corresponds to `MPI_Get_processor_name`.
  public static var processorName: String {
    unsafe libraryString { unsafe MPI_Get_processor_name($0, $1) } ?? "an unknown host"
  }

  /// This process' number among all ranks of the job. Corresponds to `MPI_Comm_rank` of `MPI_COMM_WORLD`.
  static var worldRank: Int {
    var rank: Int32 = 0
    _ = unsafe cmpi_comm_rank(cmpi_comm_world(), &rank)
    return Int(rank)
  }

  /// The number of all ranks of the job. Corresponds to `MPI_Comm_size` of `MPI_COMM_WORLD`.
  static var worldSize: Int {
    var size: Int32 = 1
    _ = unsafe cmpi_comm_size(cmpi_comm_world(), &size)
    return Int(size)
  }
}
