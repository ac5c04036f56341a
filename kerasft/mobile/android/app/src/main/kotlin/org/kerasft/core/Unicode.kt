package org.kerasft.core

/** A set of code points, unpacked from ranges (see UnicodeTables.kt). */
internal class CodePoints(packed: String) {
    private val firsts: IntArray
    private val ends: IntArray // behind the last of a range

    init {
        val numbers = packed.split(' ').map { it.toInt(36) }
        firsts = IntArray(numbers.size / 2)
        ends = IntArray(numbers.size / 2)
        var end = 0
        for (i in firsts.indices) {
            firsts[i] = end + numbers[2 * i]
            end = firsts[i] + numbers[2 * i + 1]
            ends[i] = end
        }
    }

    operator fun contains(codePoint: Int): Boolean {
        val found = firsts.binarySearch(codePoint)
        return found >= 0 || (found < -1 && codePoint < ends[-found - 2])
    }
}

/** What each upper-case code point becomes, unpacked from runs of the same difference (see UnicodeTables.kt). */
internal class CaseMap(packed: String) {
    private val lower = HashMap<Int, Int>()

    init {
        var first = 0
        for ((gap, count, step, added) in packed.split(' ').map { it.toInt(36) }.chunked(4)) {
            first += gap
            for (i in 0 until count) lower[first + i * step] = first + i * step + added
        }
    }

    operator fun get(codePoint: Int): Int = lower[codePoint] ?: codePoint
}

/** Unicode's White_Space, which has not changed for many years. */
internal fun isSpace(codePoint: Int): Boolean = when (codePoint) {
    in 0x09..0x0D, 0x20, 0x85, 0xA0, 0x1680, in 0x2000..0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000 -> true
    else -> false
}

/** The CJK ideographs that BERT takes as words of their own. The gap before 0x2B920 is Hugging Face's. */
internal fun isIdeograph(codePoint: Int): Boolean = when (codePoint) {
    in 0x4E00..0x9FFF, in 0x3400..0x4DBF, in 0x20000..0x2A6DF, in 0x2A700..0x2B81F, in 0x2B920..0x2CEAF,
    in 0xF900..0xFAFF, in 0x2F800..0x2FA1F -> true
    else -> false
}

internal inline fun String.forEachCodePoint(action: (Int) -> Unit) {
    var i = 0
    while (i < length) {
        val codePoint = codePointAt(i)
        action(codePoint)
        i += Character.charCount(codePoint)
    }
}
