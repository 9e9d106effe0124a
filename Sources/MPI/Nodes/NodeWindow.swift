internal import CMPI
import Glibc

/// Memory of which there is one copy on a node, mapped by all its ranks. Corresponds to `MPI_Win`.
///
/// All ranks of the node make it and free it together. One that is dropped without `free()`, because an error is on its way
/// out, stays mapped until the process ends: to free it, a rank would have to wait for others that may never come.
public struct NodeWindow: ~Copyable {
  private let handle: Handle
  private var shared: NodeMemory

  /// In a class, so that the handle, whose layout depends on the library, is no part of the layout of this type.
  @safe private final class Handle {
    var raw: CMPIWin
    init(_ raw: CMPIWin) { unsafe self.raw = raw }
  }

  /// The bytes. References must be gone before `free()`.
  public var memory: NodeMemory { shared }

  /// Allocates `byteCount` bytes that all ranks of `node` map.
  ///
  /// Collective; `node` is a communicator of ranks that share memory. Ask `NodeWindow.hasRoom` before: a library that
  /// finds no room may end in a bus error or not at all. Corresponds to `MPI_Win_allocate_shared`.
  public init(byteCount: Int, on node: borrowing Communicator) throws(MPIError) {
    precondition(byteCount >= 0, "\(byteCount) bytes")
    var (raw, base) = unsafe (CMPIWin(), UnsafeMutableRawPointer?.none)
    // Mappings begin at pages, so the first aligned byte is the same one in all ranks.
    let size = byteCount + NodeMemory.alignment
    try check("MPI_Win_allocate_shared", unsafe cmpi_win_allocate_shared(size, node.raw, &base, &raw))
    try check("MPI_Win_lock_all", unsafe cmpi_win_lock_all(raw))
    handle = unsafe Handle(raw)
    shared = unsafe NodeMemory(ofWindow: base!.alignedUp(toMultipleOf: NodeMemory.alignment), byteCount: byteCount)
  }

  /// Lets every rank of the node see what any of them wrote before.
  ///
  /// Collective. Corresponds to `MPI_Win_sync`, `MPI_Barrier`, `MPI_Win_sync`.
  public borrowing func publish(on node: borrowing Communicator, waiting: Waiting = .polite) throws(MPIError) {
    try check("MPI_Win_sync", unsafe cmpi_win_sync(handle.raw))
    try node.barrier(waiting: waiting)
    try check("MPI_Win_sync", unsafe cmpi_win_sync(handle.raw))
  }

  /// Gives the memory back; traps if a reference to `memory` is left.
  ///
  /// Collective. Corresponds to `MPI_Win_free`.
  public consuming func free(on node: borrowing Communicator, waiting: Waiting = .polite) throws(MPIError) {
    precondition(isKnownUniquelyReferenced(&shared), "the memory of a window is freed while it is in use")
    // The library's own barrier spins.
    try node.barrier(waiting: waiting)
    try check("MPI_Win_unlock_all", unsafe cmpi_win_unlock_all(handle.raw))
    try check("MPI_Win_free", unsafe cmpi_win_free(&handle.raw))
  }

  /// Where Open MPI and MPICH keep such memory on Linux.
  public static let folder = "/dev/shm"

  /// Free bytes in `folder`, 0 if it cannot be asked: containers often have 64 MiB and no more.
  public static var freeBytes: Int {
    var facts = statvfs()
    guard unsafe statvfs(folder, &facts) == 0 else { return 0 }
    let (bytes, overflow) = UInt64(facts.f_bavail).multipliedReportingOverflow(by: UInt64(facts.f_frsize))
    return overflow ? .max : Int(clamping: bytes)
  }

  /// Whether this host has room for a window of `byteCount` bytes: an eighth more than that, and a mebibyte for the library.
  public static func hasRoom(for byteCount: Int) -> Bool {
    freeBytes >= byteCount + byteCount / 8 + (1 << 20)
  }
}
