package org.kerasft.sample

import android.app.Activity
import android.os.Bundle as SavedState
import android.view.View
import android.widget.Button
import android.widget.EditText
import android.widget.LinearLayout
import android.widget.ScrollView
import android.widget.TextView
import java.util.concurrent.Executors

/** A text field, two buttons, and the answer. */
class MainActivity : Activity() {
    // One thread, since answers wait for each other, and not the one that draws.
    private val worker = Executors.newSingleThreadExecutor()
    private lateinit var bundle: Bundle
    private lateinit var answer: TextView

    override fun onCreate(savedState: SavedState?) {
        super.onCreate(savedState)
        val first = EditText(this).apply { hint = "Text" }
        val second = EditText(this).apply {
            hint = "Second text"
            visibility = View.GONE
        }
        answer = TextView(this).apply { setTextIsSelectable(true) }
        val ask = Button(this).apply {
            text = "Answer"
            setOnClickListener {
                val (text, other) = Pair(first.text.toString(), second.text.toString())
                show { bundle.answer(text, other) }
            }
        }
        val check = Button(this).apply {
            text = "Check golden.jsonl"
            setOnClickListener { show { bundle.checkGolden() } }
        }
        val column = LinearLayout(this).apply {
            orientation = LinearLayout.VERTICAL
            for (view in listOf(first, second, ask, check, answer)) addView(view)
        }
        setContentView(
            ScrollView(this).apply {
                fitsSystemWindows = true
                addView(column)
            },
        )
        show {
            bundle = Bundle(this)
            if (bundle.info.pair) runOnUiThread { second.visibility = View.VISIBLE }
            bundle.info.task
        }
    }

    /** Make an answer on the worker's thread, and show it with the time that it took. */
    private fun show(work: () -> String) {
        worker.execute {
            val start = System.nanoTime()
            val text = runCatching(work).getOrElse { it.toString() }
            val milliseconds = (System.nanoTime() - start) / 1_000_000
            runOnUiThread { answer.text = "$text\n\n$milliseconds ms" }
        }
    }

    override fun onDestroy() {
        worker.execute { if (::bundle.isInitialized) bundle.close() }
        worker.shutdown()
        super.onDestroy()
    }
}
