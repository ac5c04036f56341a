package org.kerasft.core

import java.io.ByteArrayOutputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.regex.Pattern

/** SentencePiece's compiled normaliser: a double-array trie of byte strings (Yata et al., darts-clone), then what they become. */
internal class CharacterMap(base64: String) {
    private val trie: IntArray
    private val texts: ByteArray

    init {
        val bytes = ByteBuffer.wrap(decoded(base64)).order(ByteOrder.LITTLE_ENDIAN)
        trie = IntArray(bytes.getInt() / 4) { bytes.getInt() }
        texts = ByteArray(bytes.remaining()).also { bytes.get(it) }
    }

    /** As Hugging Face does it: a short grapheme as a whole if it begins with a known string, else character by character. */
    fun normalize(text: String): String {
        val result = StringBuilder(text.length)
        val graphemes = GRAPHEME.matcher(text)
        while (graphemes.find()) {
            val grapheme = graphemes.group()
            val whole = if (grapheme.toByteArray().size < 6) replaced(grapheme) else null
            if (whole != null) {
                result.append(whole)
            } else {
                grapheme.forEachCodePoint { codePoint ->
                    val character = String(Character.toChars(codePoint))
                    result.append(replaced(character) ?: character)
                }
            }
        }
        return result.toString()
    }

    /** What the shortest known string at the beginning becomes, null if there is none. */
    private fun replaced(text: String): String? {
        var node = offset(trie[0])
        for (byte in text.toByteArray()) {
            val label = byte.toInt() and 0xFF
            if (label == 0) return null
            node = node xor label
            val unit = trie[node]
            if (unit and LABEL != label) return null
            node = node xor offset(unit)
            if (unit ushr 8 and 1 == 1) {
                val start = trie[node] and Int.MAX_VALUE
                var end = start
                while (texts[end] != 0.toByte()) end++
                return String(texts, start, end - start, Charsets.UTF_8)
            }
        }
        return null
    }

    private companion object {
        const val LABEL = Int.MIN_VALUE or 0xFF
        const val DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        val GRAPHEME: Pattern = Pattern.compile("\\X", Pattern.DOTALL)

        fun offset(unit: Int): Int = (unit ushr 10) shl ((unit and (1 shl 9)) ushr 6)

        /** Base64; java.util has it from Android 8 on only. */
        fun decoded(base64: String): ByteArray {
            val bytes = ByteArrayOutputStream(base64.length)
            var bits = 0
            var count = 0
            for (char in base64.trimEnd('=')) {
                bits = bits shl 6 or DIGITS.indexOf(char)
                count += 6
                if (count >= 8) {
                    count -= 8
                    bytes.write(bits ushr count)
                }
            }
            return bytes.toByteArray()
        }
    }
}
