/// An owner of memory whose contents are in a file, so that its pages may leave and come back when they are touched.
public protocol PageSource: AnyObject {
  /// Gives back the pages of `bytes`, part of the owner's memory. Any thread may call, also while others read.
  func release(_ bytes: UnsafeRawBufferPointer)
}
