internal import CMPI

extension Communicator {
  /// A communicator of the ranks that pass the same `color`, ordered by `key`, then by rank in this one.
  ///
  /// Collective. `color` is not negative. Corresponds to `MPI_Comm_split`.
  public borrowing func split(color: Int, key: Int = 0) throws(MPIError) -> Communicator {
    precondition((0...Int(Int32.max)).contains(color), "color \(color) is not a 31-bit number")
    precondition(Int32(exactly: key) != nil, "key \(key) is not a 32-bit number")
    var result = unsafe CMPIComm()
    try check("MPI_Comm_split", unsafe cmpi_comm_split(raw, Int32(color), Int32(key), &result))
    return try unsafe Communicator(owning: result, blockSize: blockSize)
  }

  /// A communicator of the ranks that share this rank's memory, in the order of this one: those on its host.
  ///
  /// Collective. Corresponds to `MPI_Comm_split_type`.
  public borrowing func splitShared() throws(MPIError) -> Communicator {
    var result = unsafe CMPIComm()
    try check("MPI_Comm_split_type", unsafe cmpi_comm_split_shared(raw, Int32(rank), &result))
    return try unsafe Communicator(owning: result, blockSize: blockSize)
  }

  /// A communicator of `ranks`, in that order.
  ///
  /// Only the members call; all pass the same list, of which this rank is one, without repetition. Groups that overlap may
  /// be made at the same time if their `tag` differs. Corresponds to `MPI_Comm_create_group`.
  public borrowing func subset(_ ranks: [Int], tag: Int = 0) throws(MPIError) -> Communicator {
    for rank in ranks { checkRank(rank, "member") }
    precondition(Set(ranks).count == ranks.count, "\(ranks) names a rank twice")
    precondition(ranks.contains(rank), "rank \(rank) is not a member of \(ranks)")
    checkTag(tag)
    var result = unsafe CMPIComm()
    let members = ranks.map(Int32.init)
    try check(
      "MPI_Comm_create_group",
      unsafe cmpi_comm_create_group(raw, members, Int32(members.count), Int32(tag), &result))
    return try unsafe Communicator(owning: result, blockSize: blockSize)
  }

  /// A communicator of the same ranks whose messages never meet those of this one.
  ///
  /// Collective. Corresponds to `MPI_Comm_dup`.
  public borrowing func duplicate() throws(MPIError) -> Communicator {
    var result = unsafe CMPIComm()
    try check("MPI_Comm_dup", unsafe cmpi_comm_dup(raw, &result))
    return try unsafe Communicator(owning: result, blockSize: blockSize)
  }
}
