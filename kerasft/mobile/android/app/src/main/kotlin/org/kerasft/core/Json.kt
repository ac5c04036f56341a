package org.kerasft.core

/**
 * Reads JSON into Map, List, String, Double, Boolean and null. Android has org.json, but no JVM test has it; this is all
 * that the files of a bundle need.
 */
class Json private constructor(private val text: String) {
    private var at = 0

    private fun value(): Any? {
        skipSpace()
        return when (text[at]) {
            '{' -> members()
            '[' -> elements()
            '"' -> string()
            't' -> literal("true", true)
            'f' -> literal("false", false)
            'n' -> literal("null", null)
            else -> number()
        }
    }

    private fun members(): Map<String, Any?> {
        val result = LinkedHashMap<String, Any?>()
        separated('}') {
            skipSpace()
            val name = string()
            expect(':')
            result[name] = value()
        }
        return result
    }

    private fun elements(): List<Any?> {
        val result = ArrayList<Any?>()
        separated(']') { result.add(value()) }
        return result
    }

    private inline fun separated(end: Char, element: () -> Unit) {
        at++ // the bracket
        skipSpace()
        if (text[at] == end) {
            at++
            return
        }
        while (true) {
            element()
            skipSpace()
            if (text[at] == end) break
            expect(',')
        }
        at++
    }

    private fun string(): String {
        expect('"')
        val result = StringBuilder()
        while (true) {
            require(at < text.length) { "not JSON: a string does not end" }
            when (val char = text[at++]) {
                '"' -> return result.toString()
                '\\' -> result.append(escaped())
                else -> result.append(char)
            }
        }
    }

    private fun escaped(): Char = when (val char = text[at++]) {
        'b' -> '\b'
        'f' -> '\u000C'
        'n' -> '\n'
        'r' -> '\r'
        't' -> '\t'
        'u' -> {
            at += 4
            text.substring(at - 4, at).toInt(16).toChar()
        }
        else -> char
    }

    private fun number(): Double {
        val start = at
        while (at < text.length && (text[at].isLetterOrDigit() || text[at] in "+-.")) at++
        return requireNotNull(text.substring(start, at).toDoubleOrNull()) { "not JSON at character $start" }
    }

    private fun <T> literal(word: String, value: T): T {
        require(text.startsWith(word, at)) { "not JSON at character $at" }
        at += word.length
        return value
    }

    private fun expect(char: Char) {
        skipSpace()
        require(at < text.length && text[at] == char) { "not JSON at character $at: '$char' expected" }
        at++
    }

    private fun skipSpace() {
        while (at < text.length && text[at] in " \t\r\n") at++
        require(at < text.length) { "not JSON: it ends too early" }
    }

    companion object {
        fun parse(text: String): Any? = Json(text).value()
    }
}

/** The members of an object that was read. */
@Suppress("UNCHECKED_CAST")
fun Any?.jsonMap(): Map<String, Any?> = this as Map<String, Any?>

/** A member of an object that was read; null if there is none. */
operator fun Any?.get(name: String): Any? = jsonMap().get(key = name)

fun Any?.jsonList(): List<Any?> = this as List<Any?>

fun Any?.jsonInt(): Int = (this as Double).toInt()

fun Any?.jsonInts(): IntArray = jsonList().map { it.jsonInt() }.toIntArray()
