import Foundation
import KerasftCore

// Compares the ids of every text in a bundle's golden.jsonl with those that these tokenizers make: swift run golden BUNDLE...
var failed = false
for folder in CommandLine.arguments.dropFirst() {
    let place = URL(fileURLWithPath: folder)
    let info = try ModelInfo(Data(contentsOf: place.appendingPathComponent("signature.json")))
    let tokenizer = try Tokenizer(Data(contentsOf: place.appendingPathComponent("tokenizer.json")))
    let check = try GoldenCheck(info, tokenizer)
    try check.run(Data(contentsOf: place.appendingPathComponent("golden.jsonl")))
    print("\(folder): \(check.checked) texts, \(check.different.count) different")
    for line in check.different.prefix(10) { print("  \(line)") }
    failed = failed || !check.different.isEmpty
}
exit(failed ? 1 : 0)
