/** The page: answers what is typed, and runs the bundle's golden texts. `?bundle=URL&wasm=URL&report=URL`. */

import { TextModel, checkGolden } from "./model.js";

const place = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const bundle = query.get("bundle") ?? "../";
const wasm = query.get("wasm") ?? "./node_modules/@litertjs/core/wasm/";
const report = query.get("report"); // where a test wants the golden texts' results

function show(rows) {
  place("answers").replaceChildren(
    ...rows.map(([name, text, share]) => {
      const row = document.createElement("div");
      row.className = "answer";
      for (const [kind, content] of [["name", name], ["bar", ""], ["number", text]]) {
        const cell = document.createElement("span");
        cell.className = kind;
        cell.textContent = content;
        if (kind === "bar") cell.style.setProperty("--share", `${100 * Math.min(1, Math.max(0, share))}%`);
        row.append(cell);
      }
      return row;
    }),
  );
}

async function answer(model) {
  const texts = [place("text").value, place("second").value];
  const begun = performance.now();
  if (model.signature.task === "sentence-embedding") {
    const [a, b] = [await model.run([texts[0]]), await model.run([texts[1]])].map((outputs) => outputs.embedding);
    const cosine = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    show([["cosine", cosine.toFixed(4), cosine]]);
  } else {
    const { logits } = await model.run(model.signature.pair ? texts : texts.slice(0, 1));
    const regression = model.signature.problem === "regression";
    const rows = model.answers.scores(logits).map((score, at) => [model.signature.labels[at], score]);
    if (!regression) {
      rows.sort((a, b) => b[1] - a[1]);
      place("answer").textContent = model.answers.best(logits).map(({ label }) => label).join(", ") || "none of the labels";
    }
    show(rows.slice(0, 10).map(([name, score]) => [name, regression ? score.toFixed(3) : `${(100 * score).toFixed(1)} %`, score]));
  }
  place("status").textContent = `answered in ${(performance.now() - begun).toFixed(1)} ms`;
}

const dot = (a, b) => a.reduce((sum, value, at) => sum + value * b[at], 0);

async function check(model) {
  const found = await checkGolden(model, bundle);
  const difference = found.maxDifference.toExponential(1);
  place("status").textContent =
    `golden.jsonl: ids equal on ${found.equalIds} of ${found.texts} texts; largest difference of an output ${difference}`;
  return found;
}

function attempt(action) {
  return async () => {
    const buttons = document.querySelectorAll("button");
    buttons.forEach((button) => (button.disabled = true));
    place("status").classList.remove("failed");
    try {
      return await action();
    } catch (error) {
      place("status").textContent = String(error.message ?? error);
      place("status").classList.add("failed");
      return { error: String(error.stack ?? error) };
    } finally {
      buttons.forEach((button) => (button.disabled = false));
    }
  };
}

async function main() {
  const model = await TextModel.load(bundle, wasm);
  const { task, pair, max_length: length } = model.signature;
  if (!["text-classification", "relation-extraction", "sentence-embedding"].includes(task)) {
    throw new Error(`This page shows answers for whole texts; the bundle's task is ${task}.`);
  }
  place("second-field").hidden = !pair && task !== "sentence-embedding";
  place("about").textContent = `${task}, up to ${length} tokens, all in this browser`;
  place("ask").onclick = attempt(() => answer(model));
  place("check").onclick = attempt(() => check(model));
  await answer(model);
  return report ? await check(model) : null;
}

const found = await attempt(main)();
if (report) await fetch(report, { method: "POST", body: JSON.stringify(found) });
