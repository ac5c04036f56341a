// swift-tools-version:5.7
import PackageDescription

let package = Package(
    name: "KerasftCore",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [.library(name: "KerasftCore", targets: ["KerasftCore"])],
    targets: [
        .target(name: "KerasftCore"),
        .executableTarget(name: "golden", dependencies: ["KerasftCore"]),
        .testTarget(name: "KerasftCoreTests", dependencies: ["KerasftCore"]),
    ]
)
