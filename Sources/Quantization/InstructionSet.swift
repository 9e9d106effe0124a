internal import CKernels

/// An instruction set for which the kernels have a body.
public struct InstructionSet: Sendable, Equatable, CustomStringConvertible {
  let index: Int32

  /// The most capable one of this CPU.
  ///
  /// `RANKWISE_INSTRUCTION_SET` in the environment chooses another by name, if the CPU has it: `x86-64-v4`,
  /// `x86-64-v3`, `arm64-neon` or `portable`. Bodies that fuse multiplication and addition (all but `portable`) agree
  /// bit for bit, and so does `portable` with itself on every CPU; ranks of one run must not mix it with others.
  public static var current: InstructionSet { InstructionSet(index: kernels_best_instruction_set()) }

  /// All of this CPU, the most capable first.
  public static var available: [InstructionSet] {
    (0..<kernels_instruction_set_count()).filter { kernels_row_kernels($0) != nil }.map { InstructionSet(index: $0) }
  }

  /// Its name.
  public var description: String { String(cString: kernels.name) }

  var kernels: RowKernels {
    guard let kernels = kernels_row_kernels(index) else { preconditionFailure("this CPU lacks set \(index)") }
    return kernels.pointee
  }
}
