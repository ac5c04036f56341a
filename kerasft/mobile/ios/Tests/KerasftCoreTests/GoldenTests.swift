import XCTest

@testable import KerasftCore

/// `swift test` in this folder: the golden texts of the bundle one folder up.
final class GoldenTests: XCTestCase {
    private let bundle = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private func content(_ name: String) throws -> Data {
        try Data(contentsOf: bundle.appendingPathComponent(name))
    }

    func testIdsAreThoseOfTraining() throws {
        let info = try ModelInfo(content("signature.json"))
        let check = try GoldenCheck(info, Tokenizer(content("tokenizer.json")))
        try check.run(content("golden.jsonl"))
        XCTAssertGreaterThanOrEqual(check.checked, 1)
        XCTAssertEqual(check.different, [])
    }

    func testKeysThatLookAlikeStayApart() throws {
        let json = try Json.parse(Data("{\"e\\u0301\": 1, \"\\u00e9\": 2, \"\\ud83d\\ude00\": [true, null, -1.5e1]}".utf8))
        XCTAssertEqual(json.entries.count, 3)
        XCTAssertEqual(json["e\u{301}"].int, 1)
        XCTAssertEqual(json["\u{1F600}"].numbers, [-15])
    }
}
