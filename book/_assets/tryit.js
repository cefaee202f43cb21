// Exercises answered in the page, and code tried there: an editor in the place of the notebook's code. Python is loaded
// when the reader first presses Run, and runs in a worker, so that a loop without end can be stopped. What is written
// stays in the reader's browser.
(() => {
  const SECONDS = 10;
  const MEMORY = "enAnswers";
  const PYTHON = new URL(document.currentScript.dataset.python, document.currentScript.src);
  const forms = [...document.querySelectorAll("form.en-try")];
  const exercises = forms.filter((form) => form.dataset.exercise);
  const nameOf = (form) => form.dataset.exercise ?? form.dataset.loop;

  let kept = {}; // what the browser would not store lasts as long as the page
  function remembered() {
    try {
      return JSON.parse(localStorage.getItem(MEMORY)) ?? {};
    } catch {
      return kept;
    }
  }
  function remember(answers) {
    kept = answers;
    try {
      localStorage.setItem(MEMORY, JSON.stringify(answers));
    } catch {
      // forbidden or full
    }
  }

  // What a worker does. It knows nothing but what it is sent.
  async function work() {
    const { wasm, files, program } = await new Promise((sent) => (self.onmessage = ({ data }) => sent(data)));
    const bytes = Uint8Array.from(atob(wasm), (character) => character.charCodeAt(0));
    let printed = [];
    const python = await loadMicroPython({
      url: URL.createObjectURL(new Blob([bytes], { type: "application/wasm" })),
      heapsize: 1 << 23,
      linebuffer: false,
      stdout: ([byte]) => printed.length < 4000 && printed.push(byte),
    });
    for (const [path, text] of Object.entries(files)) {
      python.FS.mkdirTree(path.replace(/[^/]+$/, ""));
      python.FS.writeFile(path, text);
    }
    python.runPython(program);
    self.onmessage = ({ data }) => {
      printed = [];
      const said = python.globals.get("run")(...data);
      self.postMessage({ said, printed: new TextDecoder().decode(new Uint8Array(printed)) });
    };
    self.postMessage({ ready: true });
  }

  let parts;
  const load = () =>
    (parts ??= new Promise((done, failed) => {
      window.enPython = done;
      const script = document.createElement("script");
      script.src = PYTHON;
      script.onerror = () => {
        parts = undefined;
        script.remove();
        failed(Error("Python could not be loaded: try again."));
      };
      document.head.append(script);
    }));

  let worker;
  function stopWorker() {
    worker?.terminate();
    worker = undefined;
  }
  function startWorker({ engine, ...rest }) {
    const source = `(async () => {\n${engine}\nawait (${work})();\n})().catch((error) => postMessage({failed: String(error)}));`;
    worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    const started = worker;
    return new Promise((done, refused) => {
      const failed = (why = "it may start no worker") => {
        if (worker === started) stopWorker();
        refused(Error(`Python does not run in this browser: ${why}.`));
      };
      started.onmessage = ({ data }) => (data.ready ? done(started) : failed(data.failed));
      started.onerror = (event) => failed(event.message);
      started.postMessage(rest);
    });
  }

  let running; // the run under way: its form, and how to stop it
  async function run(form) {
    running?.stop("Stopped.");
    const mine = { form };
    running = mine;
    const stopped = new Promise((done) => {
      mine.stop = (said) => {
        if (running === mine) running = undefined;
        stopWorker();
        done({ said, stopped: true });
      };
    });
    let limit;
    async function checked() {
      show(form, { said: worker ? "Running …" : "Loading Python …", busy: true });
      const parts = await load();
      if (running !== mine) return {};
      const ready = worker ?? (await startWorker(parts));
      if (running !== mine) return {};
      show(form, { said: "Running …", busy: true });
      limit = setTimeout(mine.stop, 1000 * SECONDS, `Stopped after ${SECONDS} s. Does a loop never end?`);
      return new Promise((done) => {
        ready.onmessage = ({ data }) => done(data);
        ready.onerror = (event) => mine.stop(`Python has stopped: ${event.message}`);
        ready.postMessage([form.code.value, form.dataset.exercise ?? "", form.dataset.answer ?? ""]);
      });
    }
    const result = await Promise.race([stopped, checked().catch((error) => ({ said: error.message, stopped: true }))]);
    clearTimeout(limit);
    if (running === mine) running = undefined;
    if (running?.form === form) return; // it has been started again
    show(form, result);
    if (!result.stopped) keep(form, result.said);
  }

  function show(form, { said = "", printed = "", busy = false }) {
    form.run.textContent = busy ? "Stop" : "Run";
    form.said.textContent = said;
    form.printed.textContent = printed;
    form.printed.hidden = !printed;
    form.classList.toggle("en-right", said === "right!");
    form.back.hidden = form.code.value === form.code.defaultValue;
    form.code.rows = form.code.value.split("\n").length;
  }

  function keep(form, said) {
    const answers = remembered();
    if (form.code.value === form.code.defaultValue) delete answers[nameOf(form)];
    else answers[nameOf(form)] = { answer: form.code.value, said };
    remember(answers);
    count();
  }

  // Enter keeps the indentation; the tabulator leaves the field, as everywhere in a page.
  function type(event) {
    const field = event.target;
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    if (event.ctrlKey || event.metaKey || event.shiftKey) return field.form.requestSubmit();
    const line = field.value.slice(0, field.selectionStart).split("\n").pop();
    const indented = line.match(/^ */)[0] + (/:\s*(#.*)?$/.test(line) ? "    " : "");
    document.execCommand("insertText", false, "\n" + indented);
  }

  // Whoever comes to an untouched stub replaces what stands for the answer.
  function selectGap({ target: field }) {
    const gap = field.form.dataset.exercise && field.value === field.defaultValue && field.value.match(/None|\.\.\./);
    if (gap && field.selectionStart === field.selectionEnd) {
      field.setSelectionRange(gap.index, gap.index + gap[0].length);
    }
  }

  const bar = document.createElement("p");
  bar.className = "en-try-bar";
  function count() {
    const answers = remembered();
    const right = (names) => names.filter((name) => answers[name]?.said === "right!").length;
    const here = right(exercises.map(nameOf));
    const all = Object.keys(answers);
    bar.firstChild.textContent =
      `Right on this page: ${here} of ${exercises.length}; in all notebooks: ${right(all)}. ` +
      "Python runs in your browser, and what you write stays there. ";
    for (const button of bar.querySelectorAll("button")) button.hidden = !all.length;
  }
  const button = (text, pressed) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", pressed);
    return made;
  };
  bar.append(
    "",
    button("Save all answers to a file", () => {
      const link = document.createElement("a");
      const text = JSON.stringify({ saved: new Date().toISOString(), answers: remembered() }, null, 1);
      link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
      link.download = "answers.json";
      link.click();
    }),
    " ",
    button("Clear all answers", () => {
      if (!confirm("Remove your answers to the exercises of all notebooks from this browser?")) return;
      remember({});
      for (const form of forms) form.back.click();
    }),
  );

  for (const form of forms) {
    [form.code, form.run, form.back, form.said, form.printed] = form.querySelectorAll("textarea, button, output, pre");
    form.hidden = false;
    const { answer, said } = remembered()[nameOf(form)] ?? {};
    if (answer) form.code.value = answer;
    show(form, { said: form.dataset.exercise ? said : "" });
    form.code.addEventListener("keydown", type);
    for (const arrival of ["focus", "click"]) form.code.addEventListener(arrival, selectGap);
    form.addEventListener("input", () => {
      if (running?.form === form) running.stop("");
      show(form, {});
      keep(form);
    });
    form.addEventListener("reset", () => setTimeout(() => form.dispatchEvent(new Event("input"))));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (running?.form === form) running.stop("Stopped.");
      else run(form);
    });
  }
  if (!exercises.length) return;
  let last = exercises.at(-1);
  while (last.nextElementSibling?.matches("details")) last = last.nextElementSibling; // the code and the solution
  last.after(bar);
  count();
})();
