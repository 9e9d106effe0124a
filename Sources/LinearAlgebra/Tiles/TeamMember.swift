internal import CKernels

/// One thread of a team, inside of `Team.run`.
public final class TeamMember {
  /// The member's number, in `0 ..< count`.
  public let index: Int
  /// Members of the team.
  public var count: Int { team.count }
  let team: Team
  /// Which of two counters the next step takes its pieces from.
  private var parity = 0

  // Layout of the control memory: two barriers, two counters, a word, and two slots per member.
  private static let counterOffset = 2 * ProcessBarrier.byteCount
  private static let wordOffset = counterOffset + 128
  static let slotOffset = wordOffset + 64
  static let slotBytes = 64

  init(_ team: Team, index: Int) { (self.team, self.index) = (team, index) }

  private func barrier(_ number: Int) -> ProcessBarrier {
    ProcessBarrier(at: team.control + number * ProcessBarrier.byteCount)
  }

  /// Waits for all members; what they wrote before can be read after it.
  func wait() { barrier(0).wait(for: team.count) }

  /// Waits for the members `0 ..< members`, one of which this is.
  func wait(members: Int) { barrier(1).wait(for: members) }

  /// Runs `body` for this member's share of the pieces `0 ..< pieces`, each taken by one member, lowest first; returns when all
  /// are done.
  func share(_ pieces: Int, _ body: (Int) -> Void) {
    let counter = (team.control + Self.counterOffset + 64 * parity).assumingMemoryBound(to: Int64.self)
    while true {
      let piece = Int(kernels_next(counter))
      if piece >= pieces { break }
      body(piece)
    }
    wait()
    // Everybody uses the other counter next, and meets this member before the one after.
    if index == 0 { counter.pointee = 0 }
    parity = 1 - parity
  }

  /// This member's part of `0 ..< total`, in one piece.
  func part(of total: Int, members: Int? = nil) -> Range<Int> {
    let members = members ?? count
    return index * total / members..<(index + 1) * total / members
  }

  /// A number that one member writes, and all read after they have waited.
  var word: Int {
    get { (team.control + Self.wordOffset).load(as: Int.self) }
    set { (team.control + Self.wordOffset).storeBytes(of: newValue, as: Int.self) }
  }

  /// What a member says of its columns: the smallest diagonal, its place and its label.
  struct Candidate {
    var value = Double.infinity
    var place = -1
    var label = Int32.max
  }

  /// Tells the others; `step` alternates between two places.
  func propose(_ candidate: Candidate, step: Int) {
    slot(index, step).storeBytes(of: candidate, as: Candidate.self)
  }

  /// The smallest of what `members` members proposed; of equal ones that with the lowest label.
  func best(members: Int, step: Int) -> Candidate {
    var best = Candidate()
    for member in 0..<members {
      let other = slot(member, step).load(as: Candidate.self)
      if other.place >= 0, (other.value, other.label) < (best.value, best.label) { best = other }
    }
    return best
  }

  private func slot(_ member: Int, _ step: Int) -> UnsafeMutableRawPointer {
    team.control + Self.slotOffset + (2 * member + (step & 1)) * Self.slotBytes
  }
}
