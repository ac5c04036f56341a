package org.kerasft.core

import java.io.File

/**
 * Prints the answer to each line of logits, and the probability of each label:
 *
 *     java -cp golden.jar org.kerasft.core.AnswersTestKt SIGNATURE.json LOGITS.jsonl
 */
fun main(arguments: Array<String>) {
    val answers = Answers(ModelInfo.parse(File(arguments[0]).readText()))
    File(arguments[1]).forEachLine { line ->
        val logits = Json.parse(line).jsonList().map { (it as Double).toFloat() }.toFloatArray()
        val best = answers.best(logits).joinToString { """["${it.label}", ${it.score}]""" }
        println("""{"best": [$best], "scores": ${answers.scores(logits).map { it.score }}}""")
    }
}
