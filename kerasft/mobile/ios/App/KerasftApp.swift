import KerasftCore
import SwiftUI

@main
struct KerasftApp: App {
    var body: some Scene {
        WindowGroup { ContentView(answerer: Result { try Answerer() }) }
    }
}

/// The mobile bundle among the app's resources: the model, its tokenizer, and how its answers are read.
final class Answerer {
    let info: ModelInfo
    private let tokenizer: Tokenizer
    private let signatures: LiteRtSignatures

    init() throws {
        info = try ModelInfo(Answerer.content("signature", "json"))
        tokenizer = try Tokenizer(Answerer.content("tokenizer", "json"))
        signatures = try LiteRtSignatures(modelPath: Answerer.place("model", "tflite").path)
    }

    /// The answer to one text, or to a pair of texts, as lines to show.
    func answer(_ text: String, _ second: String) throws -> String {
        let first = Scalars(text.unicodeScalars)
        if !info.generation.isNull {
            let encoder = TextEncoder(info, tokenizer)
            let prompt = info.task == "causal-lm" ? tokenizer.ids(first) : encoder.encode(first).ids
            return tokenizer.decode(try Generator(info, signatures).write(prompt, GenerationOptions(maxNewTokens: 40)))
        }
        let model = try TextModel(info, tokenizer, signatures)
        let encoded = info.pair ? model.encoder.encode(first, Scalars(second.unicodeScalars)) : model.encoder.encode(first)
        let outputs = try model.run(encoded)
        guard let logits = outputs["logits"], logits.values.count == info.labels.count else {
            return outputs.map { "\($0.key): \($0.value.shape) \($0.value.values.prefix(8))" }.joined(separator: "\n")
        }
        let answers = Answers(info)
        let scores = answers.scores(logits.values).sorted { $0.score > $1.score }
        let lines = scores.prefix(10).map { String(format: "%.4f  ", $0.score) + $0.label }
        let best = answers.best(logits.values).map { $0.label }.joined(separator: ", ")
        return ([best, ""] + lines).joined(separator: "\n")
    }

    /// Run golden.jsonl on this phone.
    func checkGolden() throws -> String {
        let check = try GoldenCheck(info, tokenizer, signatures)
        try check.run(Answerer.content("golden", "jsonl"))
        let lines = [
            "\(check.checked) texts, \(check.different.count) different",
            String(format: "largest difference of an output: %.6f", check.largestDifference),
        ]
        return (lines + check.different.prefix(5)).joined(separator: "\n")
    }

    private static func place(_ name: String, _ kind: String) throws -> URL {
        guard let found = Bundle.main.url(forResource: name, withExtension: kind) else {
            throw BundleError("add \(name).\(kind) of the mobile bundle to the app's resources")
        }
        return found
    }

    private static func content(_ name: String, _ kind: String) throws -> Data {
        try Data(contentsOf: place(name, kind))
    }
}

struct ContentView: View {
    let answerer: Result<Answerer, Error>
    @State private var text = ""
    @State private var second = ""
    @State private var shown = ""

    var body: some View {
        VStack(alignment: .leading, spacing: 12) {
            TextField("Text", text: $text)
            if case .success(let ready) = answerer, ready.info.pair {
                TextField("Second text", text: $second)
            }
            Button("Answer") { show { try $0.answer(text, second) } }
            Button("Check golden.jsonl") { show { try $0.checkGolden() } }
            ScrollView { Text(shown).font(.body.monospaced()).frame(maxWidth: .infinity, alignment: .leading) }
        }
        .textFieldStyle(.roundedBorder)
        .padding()
    }

    private func show(_ make: (Answerer) throws -> String) {
        do {
            shown = try make(try answerer.get())
        } catch {
            shown = "\(error)"
        }
    }
}
