package org.kerasft.core

import kotlin.math.exp
import kotlin.math.tanh

/** A label with its probability, or of a regression its value. */
class Scored(val label: String, val score: Double)

/** exp(z - max z) / sum exp(z - max z), exact at logits of any size. */
fun softmax(logits: DoubleArray): DoubleArray {
    val largest = logits.max()
    val powers = DoubleArray(logits.size) { exp(logits[it] - largest) }
    val sum = powers.sum()
    return DoubleArray(logits.size) { powers[it] / sum }
}

/** 1 / (1 + exp(-z)), exact at logits of any size. */
fun sigmoid(logits: DoubleArray): DoubleArray = DoubleArray(logits.size) { 0.5 * (1 + tanh(0.5 * logits[it])) }

/** From logits to labels, as kerasft's pipelines do it. */
class Answers(private val info: ModelInfo) {
    private val temperature = info.settings["temperature"] as? Double ?: 1.0

    /** Every label with its probability, in the order of labels.txt. */
    fun scores(logits: FloatArray): List<Scored> {
        val scaled = DoubleArray(logits.size) { logits[it] / temperature }
        val values = when (info.problem) {
            "single_label" -> softmax(scaled)
            "multi_label" -> sigmoid(scaled)
            else -> DoubleArray(logits.size) { logits[it].toDouble() }
        }
        return info.labels.zip(values.asIterable(), ::Scored)
    }

    /** The answer: the likeliest label, or those labels that reach their threshold, likeliest first. */
    fun best(logits: FloatArray): List<Scored> {
        val scores = scores(logits)
        return when (info.problem) {
            "single_label" -> listOf(inScope(scores.maxBy { it.score }))
            "multi_label" -> scores.filterIndexed { index, it -> it.score >= threshold(index) }.sortedByDescending { it.score }
            else -> scores
        }
    }

    /** Below a threshold the answer is "none of the labels", if the model was tuned so. */
    private fun inScope(best: Scored): Scored {
        val setting = info.settings["out_of_scope"] ?: return best
        return if (best.score >= setting["threshold"] as Double) best else Scored(setting["label"] as String, 1 - best.score)
    }

    private fun threshold(index: Int): Double =
        info.settings["thresholds"]?.jsonList()?.let { it[index] as Double } ?: 0.5
}
