package org.kerasft.core

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest

/**
 * The numbers in [0, 1) by which tokens are drawn: those of kerasft in Python, so that the same seed writes the same text.
 *
 * There they are numpy's `Generator(Philox(n)).integers(0, 2**24) / 2**24`, where n is the first half of the SHA-256 of the seed,
 * a 1 and the prompt: Philox4x64-10 (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, 2011), whose key numpy mixes
 * out of n by its `SeedSequence` (after O'Neill's seed_seq).
 */
internal class RandomNumbers(seed: Long, prompt: IntArray) {
    private val key: LongArray
    private var counter = 0L
    private var block = LongArray(0)
    private var used = 0 // halves of the block's four numbers

    init {
        val bytes = ByteBuffer.allocate(8 * (prompt.size + 2)).order(ByteOrder.LITTLE_ENDIAN).putLong(seed).putLong(1)
        prompt.forEach { bytes.putLong(it.toLong()) }
        val digest = ByteBuffer.wrap(MessageDigest.getInstance("SHA-256").digest(bytes.array())).order(ByteOrder.LITTLE_ENDIAN)
        key = keyOf(IntArray(4) { digest.getInt() })
    }

    fun next(): Double {
        if (used == 2 * block.size) {
            block = philox(++counter)
            used = 0
        }
        val half = block[used / 2] ushr (32 * (used % 2)) and HALF
        used++
        return (half ushr 8) / 16777216.0 // 24 bits
    }

    private fun philox(counter: Long): LongArray {
        var numbers = longArrayOf(counter, 0, 0, 0)
        var (first, second) = key
        repeat(10) {
            val (a, b, c, d) = numbers
            numbers = longArrayOf(
                multiplyHigh(MULTIPLIERS[1], c) xor b xor first,
                MULTIPLIERS[1] * c,
                multiplyHigh(MULTIPLIERS[0], a) xor d xor second,
                MULTIPLIERS[0] * a,
            )
            first += STEPS[0]
            second += STEPS[1]
        }
        return numbers
    }

    private companion object {
        const val HALF = 0xFFFFFFFFL
        val MULTIPLIERS = longArrayOf(0xD2E7470EE14C6C93uL.toLong(), 0xCA5A826395121157uL.toLong())
        val STEPS = longArrayOf(0x9E3779B97F4A7C15uL.toLong(), 0xBB67AE8584CAA73BuL.toLong())

        /** The upper 64 bits of the product of two unsigned numbers. Math.multiplyHigh is signed, and too new for old phones. */
        fun multiplyHigh(x: Long, y: Long): Long {
            val low = (x and HALF) * (y and HALF)
            val middle = (x ushr 32) * (y and HALF) + (low ushr 32)
            val other = (x and HALF) * (y ushr 32) + (middle and HALF)
            return (x ushr 32) * (y ushr 32) + (middle ushr 32) + (other ushr 32)
        }

        fun keyOf(words: IntArray): LongArray {
            var factor = 0x43B0D7E5
            fun hashed(value: Int): Int {
                val mixed = value xor factor
                factor *= 0x931E8875u.toInt()
                return (mixed * factor).let { it xor (it ushr 16) }
            }

            val pool = IntArray(words.size) { hashed(words[it]) }
            for (source in pool.indices) for (target in pool.indices) {
                if (source == target) continue
                val mixed = 0xCA01F9DDu.toInt() * pool[target] - 0x4973F715 * hashed(pool[source])
                pool[target] = mixed xor (mixed ushr 16)
            }
            factor = 0x8B51F9DDu.toInt()
            val state = pool.map { word ->
                val mixed = word xor factor
                factor *= 0x58F38DED
                (mixed * factor).let { it xor (it ushr 16) }.toLong() and HALF
            }
            return longArrayOf(state[0] or (state[1] shl 32), state[2] or (state[3] shl 32))
        }
    }
}
