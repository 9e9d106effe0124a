/// The printable characters that byte-level tokenizers write bytes as (GPT-2).
enum ByteAlphabet {
  /// The UTF-8 of each byte's character: itself where it is printable Latin-1, else U+0100 and on, in ascending order.
  static let characters: [[UInt8]] = {
    var next: UInt32 = 256
    return (0..<256).map { byte in
      let printable = (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
      let code = printable ? UInt32(byte) : next
      if !printable { next += 1 }
      return Array(UTF8.encode(Unicode.Scalar(code)!)!)
    }
  }()
}
