internal import CMPI

/// The MPI requests of one operation, one for each block. Corresponds to an array of `MPI_Request`.
///
/// A class, so that the handles, whose layout depends on the library, are no part of the layout of public types.
@safe final class Transfers {
  private var pending: [CMPIRequest] = unsafe []
  private let call: String
  private let kind: ElementKind
  private let isReceive: Bool
  /// Keeps memory alive for as long as the library may touch it, where nobody else does.
  private let owner: AnyObject?
  /// Where the last completed receive came from, and the elements received in all blocks so far.
  private(set) var source = 0
  private(set) var tag = 0
  private(set) var received = 0

  init(_ call: String, kind: ElementKind, isReceive: Bool = false, owner: AnyObject? = nil) {
    self.call = call
    self.kind = kind
    self.isReceive = isReceive
    self.owner = owner
  }

  /// Starts one more block.
  func start(_ begin: (UnsafeMutablePointer<CMPIRequest>) -> Int32) throws(MPIError) {
    var request = unsafe cmpi_request_null()
    try check(call, unsafe begin(&request))
    unsafe pending.append(request)
  }

  /// Whether every block is complete; makes progress. Corresponds to `MPI_Testall`.
  func test() throws(MPIError) -> Bool {
    while unsafe !pending.isEmpty {
      // Blocks complete in the order in which they were started, or are found complete when it is their turn.
      var done: Int32 = 0
      var status = CMPIStatus()
      let code = unsafe cmpi_test(&pending[0], &done, kind.raw, &status)
      if code == MPI_SUCCESS && done == 0 { return false }
      unsafe pending.removeFirst()
      try check(call, code)
      record(status)
    }
    return true
  }

  /// Waits for every block. Corresponds to `MPI_Waitall`.
  func wait(_ waiting: Waiting) throws(MPIError) {
    switch waiting {
    case .busy:
      while unsafe !pending.isEmpty {
        var status = CMPIStatus()
        let code = unsafe cmpi_wait(&pending[0], kind.raw, &status)
        unsafe pending.removeFirst()
        try check(call, code)
        record(status)
      }
    case .polite:
      let naps = Naps()
      while try !test() { naps.next() }
    }
  }

  /// Throws unless the completed receives have brought `expected` elements.
  func checkCount(_ expected: Int) throws(MPIError) {
    if received != expected { throw .count(source: source, tag: tag, expected: expected, received: received) }
  }

  private func record(_ status: CMPIStatus) {
    source = Int(status.source)
    tag = Int(status.tag)
    received += Int(status.count)
  }

  /// Buffers must outlive their transfers, so one that is given up in flight is cancelled, if it is a receive, and waited for;
  /// but others cannot be cancelled and may never complete, and then the job must end rather than hang.
  deinit {
    guard unsafe !pending.isEmpty && cmpi_is_running() != 0 else { return }
    let naps = Naps()
    let patience = ContinuousClock.now + .seconds(3)
    var rest = unsafe pending
    if isReceive { for index in unsafe rest.indices { _ = unsafe cmpi_cancel(&rest[index]) } }
    while unsafe !rest.isEmpty {
      var done: Int32 = 0
      var status = CMPIStatus()
      let code = unsafe cmpi_test(&rest[0], &done, kind.raw, &status)
      if code != MPI_SUCCESS || done != 0 {
        unsafe rest.removeFirst()
      } else if ContinuousClock.now > patience {
        MPIEnvironment.abort(
          reason: "\(call) was given up in flight, by an error or by a request without wait()", status: 1)
      } else {
        naps.next()
      }
    }
  }
}
