import Foundation

/// Classes of characters as Hugging Face's tokenizers have them, out of this system's Unicode version.
extension Unicode.Scalar {
    var isSpace: Bool { properties.isWhitespace }

    var isLetter: Bool {
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
        default: return false
        }
    }

    var isNumber: Bool {
        switch properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: return true
        default: return false
        }
    }

    var isMark: Bool {
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: return true
        default: return false
        }
    }

    /// What BERT drops: control and format characters, private use, NUL and U+FFFD.
    var isControl: Bool {
        if value == 0x09 || value == 0x0A || value == 0x0D { return false }
        if value == 0 || value == 0xFFFD { return true }
        switch properties.generalCategory {
        case .control, .format, .privateUse: return true
        default: return false
        }
    }

    /// Unicode's punctuation, and all of ASCII that is no letter, digit or space.
    var isPunctuation: Bool {
        switch value {
        case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: return true
        default: break
        }
        switch properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            return true
        default: return false
        }
    }

    /// The CJK ideographs that BERT takes as words of their own. The gap before 0x2B920 is Hugging Face's.
    var isIdeograph: Bool {
        switch value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B81F, 0x2B920...0x2CEAF, 0xF900...0xFAFF,
            0x2F800...0x2FA1F:
            return true
        default: return false
        }
    }

    /// `\w`: letters, marks, digits and connecting punctuation.
    var isWord: Bool {
        isLetter || isMark || properties.isAlphabetic || properties.generalCategory == .decimalNumber
            || properties.generalCategory == .connectorPunctuation
    }
}

func decomposed(_ text: Scalars) -> Scalars {
    Scalars(asString(text).decomposedStringWithCanonicalMapping.unicodeScalars)
}
