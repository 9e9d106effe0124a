// swift-tools-version: 6.2
import PackageDescription

// Every Swift target: language mode 6 (complete data-race checking), lifetimes for `~Escapable` views.
let swift: [SwiftSetting] = [.enableExperimentalFeature("Lifetimes")]

let package = Package(
  name: "rankwise",
  products: [
    .executable(name: "rankwise", targets: ["rankwise"]),
    .library(name: "MPI", targets: ["MPI"]),
    .library(name: "Quantization", targets: ["Quantization"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
  ],
  targets: [
    // C libraries of Debian, found through pkg-config or in the default search paths.
    .systemLibrary(name: "CMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"])]),
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CDNNL", providers: [.apt(["libdnnl-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
    // Hot loops, one body per instruction set.
    .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3"])]),

    .target(name: "MPI", dependencies: ["CMPI"], swiftSettings: swift + [.strictMemorySafety()]),
    .target(name: "LinearAlgebra", dependencies: ["COpenBLAS", "CDNNL", "CKernels"], swiftSettings: swift),
    .target(name: "Graphs", swiftSettings: swift),
    .target(name: "JSON", swiftSettings: swift),
    .target(name: "Tokenization", dependencies: ["CPCRE2", "JSON"], swiftSettings: swift),
    .target(name: "Images", dependencies: ["CPNG"], swiftSettings: swift),
    .target(
      name: "Models",
      dependencies: ["Graphs", "JSON", "CZlib", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["ONNX/Schema/onnx.proto"],
      swiftSettings: swift),
    .target(name: "Quantization", dependencies: ["LinearAlgebra", "CKernels"], swiftSettings: swift),
    .target(name: "Calibration", dependencies: ["Graphs", "LinearAlgebra", "CKernels"], swiftSettings: swift),
    .target(
      name: "Coordination",
      dependencies: [
        "MPI", "Models", "Graphs", "Calibration", "Quantization", "LinearAlgebra", "Images", "JSON", "Tokenization",
      ],
      swiftSettings: swift),
    .executableTarget(
      name: "rankwise",
      dependencies: [
        "Coordination", "Models", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: swift),

    // Speed of the row solve beside BLAS and LAPACK; not part of the product.
    .executableTarget(
      name: "rowsolve-benchmark",
      dependencies: [
        "Quantization", "LinearAlgebra", "COpenBLAS",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Benchmarks/RowSolve", swiftSettings: swift),
    // Exact OBQ beside compensation in one shared order; not part of the product.
    .executableTarget(
      name: "obq-benchmark", dependencies: ["Quantization", "LinearAlgebra", "Models", "Graphs"],
      path: "Benchmarks/OBQ", swiftSettings: swift),
    // Scenarios that MPITests starts under mpirun, one process per rank.
    .executableTarget(name: "MPIScenarios", dependencies: ["MPI"], path: "Tests/MPIScenarios", swiftSettings: swift),
    .target(name: "TestSupport", path: "Tests/Support", swiftSettings: swift),
    .testTarget(name: "MPITests", dependencies: ["MPI", "MPIScenarios", "TestSupport"], swiftSettings: swift),
    .testTarget(name: "JSONTests", dependencies: ["JSON"], swiftSettings: swift),
    .testTarget(
      name: "TokenizationTests", dependencies: ["Tokenization"], exclude: ["Fixtures"], swiftSettings: swift),
    .testTarget(name: "ImagesTests", dependencies: ["Images"], swiftSettings: swift),
    .testTarget(name: "GraphsTests", dependencies: ["Graphs"], swiftSettings: swift),
    .testTarget(
      name: "QuantizationTests", dependencies: ["Quantization", "LinearAlgebra"],
      exclude: ["Reference"], swiftSettings: swift),
    .testTarget(
      name: "ModelsTests", dependencies: ["Models", "Graphs"], exclude: ["Fixtures"], swiftSettings: swift),
    .testTarget(
      name: "CalibrationTests", dependencies: ["Calibration", "Graphs", "Models", "LinearAlgebra"],
      exclude: ["Fixtures"], swiftSettings: swift),
    .testTarget(
      name: "CoordinationTests",
      dependencies: [
        "Coordination", "Calibration", "Graphs", "LinearAlgebra", "Models", "Images", "Quantization", "rankwise",
        "TestSupport",
      ],
      swiftSettings: swift),
  ],
  swiftLanguageModes: [.v6]
)
