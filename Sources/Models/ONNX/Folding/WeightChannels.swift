/// Which output channel an element of a layer's weight tensor belongs to.
struct WeightChannels {
  /// Number of output channels.
  let count: Int
  private let axisLength: Int
  private let inner: Int
  private let elementsPerGroup: Int

  /// Channels along `axis`; in a ConvTranspose each of `groups` parts of the first axis has its own channels.
  init(shape: [Int], axis: Int, groups: Int) {
    axisLength = shape[axis]
    inner = shape[(axis + 1)...].reduce(1, *)
    count = axisLength * groups
    elementsPerGroup = max(shape.reduce(1, *) / groups, 1)
  }

  /// The channel of the element at `index` (row-major).
  func channel(of index: Int) -> Int {
    let group = count == axisLength ? 0 : index / elementsPerGroup
    return group * axisLength + index / inner % axisLength
  }
}
