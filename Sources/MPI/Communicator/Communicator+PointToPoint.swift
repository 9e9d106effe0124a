internal import CMPI

// A message is a sequence of full blocks and one shorter block, which may be empty: so its end is seen without a header, and
// a message of less than 2^30 elements is one MPI message.

extension Communicator {
  /// The tag of messages inside of this module's collectives: the largest that the standard promises.
  static var ownTag: Int32 { 32767 }

  /// Traps when `tag` is not for users.
  borrowing func checkTag(_ tag: Int) {
    precondition((0..<Int(Self.ownTag)).contains(tag), "tag \(tag) is not in 0 ..< \(Self.ownTag)")
  }

  /// Sends `elements` to the rank `destination`; returns when they may be changed, which may be before they have arrived.
  ///
  /// `tag` is in `0 ..< 32767`. Corresponds to `MPI_Send`.
  public borrowing func send<Element: MPIElement>(
    _ elements: Span<Element>, to destination: Int, tag: Int = 0, waiting: Waiting = .busy
  ) throws(MPIError) {
    checkRank(destination, "destination")
    checkTag(tag)
    let raw = unsafe raw
    try elements.withElements { (elements) throws(MPIError) in
      try forEachMessageBlock(elements.count) { (start, count) throws(MPIError) in
        try unsafe complete("MPI_Send", waiting) { request in
          unsafe cmpi_send(
            elements.pointer(at: start), count, elements.kind.raw, Int32(destination), Int32(tag), raw, request)
        }
      }
    }
  }

  /// Receives a message of exactly `buffer.count` elements.
  ///
  /// From any rank if `source` is `nil`. A message of another length throws `MPIError.count`, or an error of class
  /// `truncated` if it is longer. Corresponds to `MPI_Recv`.
  @discardableResult
  public borrowing func receive<Element: MPIElement>(
    into buffer: inout MutableSpan<Element>, from source: Int?, tag: Int = 0, waiting: Waiting = .busy
  ) throws(MPIError) -> ReceivedMessage {
    if let source { checkRank(source, "source") }
    checkTag(tag)
    return try buffer.withElements { (elements) throws(MPIError) in
      // One block after the other: a short one is the last, and those after the first come from the rank that sent it.
      var (sender, received, isComplete) = (source, 0, false)
      while !isComplete {
        let length = min(blockSize, elements.count - received)
        let block = Transfers("MPI_Recv", kind: elements.kind, isReceive: true)
        try startReceive(elements, received, length, from: sender, tag, block)
        try block.wait(waiting)
        received += block.received
        sender = block.source
        isComplete = block.received < blockSize
      }
      if received != elements.count {
        throw .count(source: sender ?? rank, tag: tag, expected: elements.count, received: received)
      }
      return ReceivedMessage(source: sender ?? rank, tag: tag, count: received)
    }
  }

  /// Receives a message of exactly `buffer.count` elements.
  ///
  /// From any rank if `source` is `nil`. A message of another length throws `MPIError.count`, or an error of class
  /// `truncated` if it is longer. Corresponds to `MPI_Recv`.
  @discardableResult
  public borrowing func receive<Element: MPIElement>(
    into buffer: inout [Element], from source: Int?, tag: Int = 0, waiting: Waiting = .busy
  ) throws(MPIError) -> ReceivedMessage {
    var span = buffer.mutableSpan
    return try receive(into: &span, from: source, tag: tag, waiting: waiting)
  }

  /// Receives a message of any length.
  ///
  /// From any rank if `source` is `nil`. Corresponds to `MPI_Mprobe` and `MPI_Mrecv`.
  public borrowing func receive<Element: MPIElement>(
    _ type: Element.Type = Element.self, from source: Int?, tag: Int = 0, waiting: Waiting = .busy
  ) throws(MPIError) -> (elements: [Element], message: ReceivedMessage) {
    if let source { checkRank(source, "source") }
    checkTag(tag)
    var result: [Element] = []
    var sender = source
    while true {
      var (message, status) = try unsafe nextMessage(Element.elementKind, from: sender, tag, waiting)
      let (start, length) = (result.count, Int(status.count))
      result.append(contentsOf: repeatElement(.zero, count: length))
      var span = result.mutableSpan
      try span.withElements { (elements) throws(MPIError) in
        try check(
          "MPI_Mrecv",
          unsafe cmpi_mrecv(elements.pointer(at: start), status.count, elements.kind.raw, &message))
      }
      sender = Int(status.source)
      if length < blockSize {
        return (result, ReceivedMessage(source: Int(status.source), tag: tag, count: result.count))
      }
    }
  }

  /// Sends `elements` to one rank while it receives `buffer.count` elements from another (or the same).
  ///
  /// Both ends call this at the same time without a deadlock. Errors are those of `receive`. Corresponds to `MPI_Sendrecv`.
  public borrowing func sendReceive<Element: MPIElement>(
    _ elements: Span<Element>, to destination: Int, into buffer: inout MutableSpan<Element>, from source: Int,
    tag: Int = 0, waiting: Waiting = .busy
  ) throws(MPIError) {
    try buffer.withElements { (target) throws(MPIError) in
      try elements.withElements { (elements) throws(MPIError) in
        let receiving = try startReceive(target, from: source, tag: tag)
        let sending = try startSend(elements, to: destination, tag: tag)
        try receiving.wait(waiting)
        try sending.wait(waiting)
        try receiving.checkCount(target.count)
      }
    }
  }

  /// Takes the next message out of the queue, so that its memory can be allocated.
  private borrowing func nextMessage(
    _ kind: ElementKind, from source: Int?, _ tag: Int, _ waiting: Waiting
  ) throws(MPIError) -> (CMPIMessage, CMPIStatus) {
    let rank = source.map { Int32($0) } ?? cmpi_any_source()
    var message = unsafe CMPIMessage()
    var status = CMPIStatus()
    switch waiting {
    case .busy:
      try check("MPI_Mprobe", unsafe cmpi_mprobe(rank, Int32(tag), kind.raw, raw, &message, &status))
    case .polite:
      let naps = Naps()
      while true {
        var found: Int32 = 0
        try check("MPI_Improbe", unsafe cmpi_improbe(rank, Int32(tag), kind.raw, raw, &found, &message, &status))
        if found != 0 { break }
        naps.next()
      }
    }
    return unsafe (message, status)
  }

  /// Calls `body` with start and length of the blocks of a message of `count` elements.
  borrowing func forEachMessageBlock(_ count: Int, _ body: (Int, Int32) throws(MPIError) -> Void) throws(MPIError) {
    for start in stride(from: 0, through: count, by: blockSize) {
      try body(start, Int32(min(blockSize, count - start)))
    }
  }

  /// Posts the receive of one block.
  borrowing func startReceive(
    _ elements: Elements, _ start: Int, _ count: Int, from source: Int?, _ tag: Int, _ transfers: Transfers
  ) throws(MPIError) {
    let raw = unsafe raw
    let rank = source.map { Int32($0) } ?? cmpi_any_source()
    try unsafe transfers.start {
      unsafe cmpi_irecv(elements.pointer(at: start), Int32(count), elements.kind.raw, rank, Int32(tag), raw, $0)
    }
  }
}
