import Foundation

internal import CKernels

/// Threads that factor one matrix together, of one process or of several that share memory.
///
/// Every process makes a team on the same control memory and calls `run` together; there, each member runs the same steps. They
/// take pieces of a step as they come, and wait for each other between steps.
public final class Team: @unchecked Sendable {
  /// Members of all processes.
  public let count: Int
  /// How many members share the work of one column at most: with more members than cores, waiting for each other once a column
  /// would take longer than the column.
  public let columnMembers: Int
  /// The number of this process' first member.
  private let first: Int
  private let threads: Int
  let control: UnsafeMutableRawPointer
  private let owns: Bool

  /// A team of `threads` threads of this process; `columnMembers` is the number of cores that they have, if not said.
  public convenience init(threads: Int = 1, columnMembers: Int? = nil) {
    let bytes = Self.controlBytes(members: threads)
    let control = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    control.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    self.init(
      control: control, count: threads, first: 0, threads: threads,
      columnMembers: columnMembers ?? (AllowedCores.numbers.count < threads ? 1 : threads), owns: true)
  }

  /// A team of the threads of several processes.
  ///
  /// - Parameters:
  ///   - control: `controlBytes` bytes that all processes map, at a multiple of 64, zero before the first team uses them.
  ///   - count: members of all processes; the same in all of them.
  ///   - first: the number of this process' first member: how many the processes before it have.
  ///   - threads: of this process.
  ///   - columnMembers: see there; the same in all processes.
  public convenience init(
    control: UnsafeMutableRawPointer, count: Int, first: Int, threads: Int, columnMembers: Int
  ) {
    self.init(
      control: control, count: count, first: first, threads: threads, columnMembers: columnMembers, owns: false)
  }

  private init(
    control: UnsafeMutableRawPointer, count: Int, first: Int, threads: Int, columnMembers: Int, owns: Bool
  ) {
    precondition(
      threads > 0 && first >= 0 && first + threads <= count, "\(threads) members from \(first) on of \(count)")
    (self.count, self.first, self.threads) = (count, first, threads)
    (self.control, self.owns) = (control, owns)
    self.columnMembers = max(1, min(columnMembers, count))
  }

  deinit { if owns { control.deallocate() } }

  /// How many members gain anything over fewer on a matrix of an order: each should have two blocks of columns.
  public static func useful(order: Int) -> Int { max(1, order / 192) }

  /// Bytes of control memory for a number of members.
  public static func controlBytes(members: Int) -> Int { TeamMember.slotOffset + 2 * members * TeamMember.slotBytes }

  /// Runs `body` on every member of this process at once, the first on the calling thread; returns what that returned.
  ///
  /// All processes of the team call it together. All members must take the same steps.
  public func run<Result>(_ body: @escaping @Sendable (TeamMember) -> Result) -> Result {
    let group = DispatchGroup()
    // Threads of their own: members wait for each other, so all must run, which a pool of threads does not promise.
    for index in 1..<max(threads, 1) {
      group.enter()
      let thread = Thread { [self, first] in
        let member = TeamMember(self, index: first + index)
        member.wait()
        _ = body(member)
        group.leave()
      }
      thread.stackSize = 1 << 20
      thread.start()
    }
    let member = TeamMember(self, index: first)
    member.wait()
    let result = body(member)
    group.wait()
    return result
  }
}
