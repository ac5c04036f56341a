package org.kerasft.core

import java.io.File
import java.nio.FloatBuffer

/**
 * Writes on after prompts, with a model that runs in another process: its answers are read from standard input.
 *
 *     java -cp golden.jar org.kerasft.core.GenerationTestKt SIGNATURE.json REQUESTS.jsonl
 */
fun main(arguments: Array<String>) {
    val generator = Generator(ModelInfo.parse(File(arguments[0]).readText()), PipedSignatures())
    File(arguments[1]).forEachLine { line ->
        val request = Json.parse(line)
        val written = generator.write(request["prompt"].asInts(), GenerationOptions.of(request["options"].asMap()))
        println("""{"token_ids": ${written.ids.asList()}, "finished": ${written.finished}}""")
    }
}

/** Prints each call as a line of JSON, and reads the outputs as one. */
private class PipedSignatures : Signatures {
    override fun run(signature: String, inputs: Map<String, Any>, outputs: Map<String, FloatBuffer>) {
        val values = inputs.map { (name, value) -> """"$name": ${json(value)}""" }.joinToString()
        println("""{"signature": "$signature", "inputs": {$values}}""")
        val answer = Json.parse(readln())
        for ((name, buffer) in outputs) {
            buffer.rewind()
            for (number in answer[name].asList()) buffer.put((number as Double).toFloat())
            check(!buffer.hasRemaining()) { "$name has ${buffer.capacity()} numbers" }
        }
    }

    private fun json(value: Any): String = when (value) {
        is IntArray -> value.asList().toString()
        is FloatBuffer -> value.toFloatArray().asList().toString()
        else -> (value as Array<*>).joinToString(prefix = "[", postfix = "]") { json(it!!) }
    }
}
