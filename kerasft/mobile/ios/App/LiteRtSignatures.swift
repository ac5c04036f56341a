import Foundation
import KerasftCore
import TensorFlowLite

/// A model file in LiteRT's interpreter, which runs one signature at a time: other threads wait.
final class LiteRtSignatures: Signatures {
    private let interpreter: Interpreter
    private let oneRun = NSLock()
    private var runners: [String: SignatureRunner] = [:]

    init(modelPath: String, threads: Int = 2) throws {
        var options = Interpreter.Options()
        options.threadCount = threads
        interpreter = try Interpreter(modelPath: modelPath, options: options)
    }

    func run(
        _ signature: String, integers: [String: KerasftCore.Tensor<Int32>], floats: [String: KerasftCore.Tensor<Float>]
    ) throws -> [String: [Float]] {
        oneRun.lock()
        defer { oneRun.unlock() }
        let runner = try runners[signature] ?? interpreter.signatureRunner(with: signature)
        runners[signature] = runner
        for (name, tensor) in integers {
            try runner.resizeInput(named: name, toShape: TensorFlowLite.Tensor.Shape(tensor.shape))
        }
        try runner.allocateTensors()
        for (name, tensor) in integers {
            try runner.copy(tensor.values.withUnsafeBufferPointer { Data(buffer: $0) }, toInputNamed: name)
        }
        for (name, tensor) in floats {
            try runner.copy(tensor.values.withUnsafeBufferPointer { Data(buffer: $0) }, toInputNamed: name)
        }
        try runner.invoke()
        var outputs: [String: [Float]] = [:]
        for name in runner.outputs {
            let data = try runner.output(named: name).data
            outputs[name] = data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        }
        return outputs
    }
}
