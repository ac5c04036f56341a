package org.kerasft.core

import kotlin.math.exp

/** The score of a token that must not come. */
internal const val NEVER = -1e9f

internal fun likeliest(scores: FloatArray): Int = scores.indices.maxBy { scores[it] }

/** Apply the repetition penalty (positive scores divided, negative multiplied) and the rule against repeated n-grams. */
internal fun adjusted(logits: FloatArray, history: IntArray, options: GenerationOptions): FloatArray {
    val scores = logits.copyOf()
    val penalty = options.repetitionPenalty.toFloat()
    if (penalty != 1f) {
        for (id in history.toSet()) scores[id] = if (logits[id] < 0) logits[id] * penalty else logits[id] / penalty
    }
    val size = options.noRepeatNgramSize
    if (size > 0 && history.size >= size) {
        val end = history.asList().takeLast(size - 1)
        for (start in 0..history.size - size) {
            if (history.asList().subList(start, start + size - 1) == end) scores[history[start + size - 1]] = NEVER
        }
    }
    return scores
}

/** The first token, likeliest first where only some may come, whose cumulative probability is above a number in [0, 1). */
internal fun draw(scores: FloatArray, uniform: Double, options: GenerationOptions): Int {
    val temperature = options.temperature.toFloat()
    var ids: List<Int> = scores.indices.toList()
    if (options.topK != null || options.topP != null) {
        ids = ids.sortedByDescending { scores[it] }.take(options.topK ?: scores.size)
    }
    val largest = ids.maxOf { scores[it] / temperature }
    val powers = FloatArray(ids.size) { exp(scores[ids[it]] / temperature - largest) }
    val sum = powers.sum()
    val cumulative = FloatArray(ids.size)
    var before = 0f
    var last = 0
    for (i in powers.indices) {
        val allowed = i == 0 || options.topP == null || before < options.topP.toFloat()
        if (allowed && powers[i] > 0) last = i
        if (allowed) before += powers[i] / sum
        cumulative[i] = before
    }
    val place = cumulative.indexOfFirst { it > uniform.toFloat() * before }
    // The product may round up to the sum itself: then it is the last token of any probability.
    return ids[if (place == -1) last else minOf(place, last)]
}
