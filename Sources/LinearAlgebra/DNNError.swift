/// Why a call of oneDNN failed.
public enum DNNError: Error, Equatable, CustomStringConvertible {
  /// The function `call` returned `status` (`dnnl_status_t`).
  case failed(call: String, status: Int)

  /// What happened, where, and what to do.
  public var description: String {
    switch self {
    case .failed(let call, 1): "\(call): out of memory"
    case .failed(let call, 3): "\(call): not implemented by this version of oneDNN"
    case .failed(let call, let status): "\(call) failed with status \(status)"
    }
  }
}
