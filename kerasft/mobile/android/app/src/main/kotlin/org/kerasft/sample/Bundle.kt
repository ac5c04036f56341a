package org.kerasft.sample

import android.content.Context
import android.content.res.AssetManager
import org.kerasft.core.Answers
import org.kerasft.core.Generator
import org.kerasft.core.GoldenCheck
import org.kerasft.core.ModelInfo
import org.kerasft.core.Output
import org.kerasft.core.Prompts
import org.kerasft.core.TextModel
import org.kerasft.core.Tokenizer
import java.io.FileInputStream
import java.nio.MappedByteBuffer
import java.nio.channels.FileChannel

/** The mobile bundle in the app's assets: the model, its tokenizer, and how its answers are read. */
class Bundle(context: Context) : AutoCloseable {
    private val assets = context.assets
    private val signatures = LiteRtSignatures(mapped(assets, "model.tflite"))
    private val tokenizer = Tokenizer.parse(text("tokenizer.json"))
    val info = ModelInfo.parse(text("signature.json"))

    private val model by lazy { TextModel(info, tokenizer, signatures) }
    private val generator by lazy { Generator(info, signatures) }

    /** The answer to one text, or to a pair of texts, as lines to show. */
    fun answer(text: String, second: String): String {
        if (info.generation != null) {
            val prompt = Prompts(info, tokenizer).ids(text, generator.options.maxNewTokens)
            return tokenizer.decode(generator.write(prompt).ids)
        }
        val encoded = if (info.pair) model.encoder.encode(text, second) else model.encoder.encode(text)
        val outputs = model.run(encoded)
        val logits = outputs["logits"] ?: return outputs.entries.joinToString("\n") { "${it.key}: ${described(it.value)}" }
        return if (logits.shape.size == 2) perToken(encoded.ids, logits) else labels(logits)
    }

    private fun labels(logits: Output): String {
        if (info.labels.size != logits.values.size) return described(logits)
        val answers = Answers(info)
        val best = answers.best(logits.values).joinToString { it.label }
        val scores = answers.scores(logits.values).sortedByDescending { it.score }
        return "$best\n\n" + scores.joinToString("\n") { "%.4f  %s".format(it.score, it.label) }
    }

    private fun perToken(ids: IntArray, logits: Output): String {
        val size = logits.shape[1]
        if (info.labels.size != size) return described(logits)
        return ids.indices.joinToString("\n") { place ->
            val row = logits.values.copyOfRange(place * size, (place + 1) * size)
            "${tokenizer.decode(intArrayOf(ids[place]))}  ${info.labels[row.indices.maxBy { row[it] }]}"
        }
    }

    private fun described(output: Output): String =
        "${output.shape.joinToString(" x ")} numbers: ${output.values.take(8).joinToString { "%.4f".format(it) }} ..."

    /** Run golden.jsonl on this phone. */
    fun checkGolden(): String {
        val check = GoldenCheck(info, tokenizer, signatures)
        assets.open("golden.jsonl").bufferedReader().useLines { lines -> lines.forEach(check::line) }
        return "${check.checked} texts, ${check.different.size} with other ids\n" +
            "largest difference of an output: %.6f\n".format(check.largestDifference) +
            check.different.take(5).joinToString("\n")
    }

    private fun text(name: String): String = assets.open(name).bufferedReader().use { it.readText() }

    override fun close() = signatures.close()

    private companion object {
        /** The file itself, not a copy of it in memory; build.gradle.kts keeps it from being compressed. */
        fun mapped(assets: AssetManager, name: String): MappedByteBuffer = assets.openFd(name).use { file ->
            FileInputStream(file.fileDescriptor).use {
                it.channel.map(FileChannel.MapMode.READ_ONLY, file.startOffset, file.declaredLength)
            }
        }
    }
}
