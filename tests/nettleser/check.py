"""Opens the pages that `samspor gransk` writes in headless Chromium.

Each page loads without a fault and asks the network for nothing; is filtered,
and shows a moment, by keyboard alone; has names for what a screen reader meets,
a caption and headings for each table, and text that stands out in light and
dark; prints whole; and has every row without script. Then the checks themselves
are checked: each of SABOTAGES breaks a page in one place, and must be found.

Needs `chromium` (Debian's package) and cargo, which builds the pages; speaks
the DevTools protocol over a pipe. Run from anywhere: python3 tests/nettleser/check.py
"""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LONGEST = 60  # seconds for one answer of the browser


class Browser:
    """Chromium, by its pipe."""

    def __init__(self, folder):
        to_it, ours = os.pipe()
        theirs, from_it = os.pipe()
        flags = [
            "--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", f"--user-data-dir={folder}/profil",
        ]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # Chromium has none for root.
        self.process = subprocess.Popen(
            ["sh", "-c", f'exec chromium "$@" 3<&{to_it} 4>&{from_it}', "sh", *flags],
            pass_fds=(to_it, from_it), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(to_it)
        os.close(from_it)
        self.out, self.inn = os.fdopen(ours, "wb"), theirs
        self.buffer, self.number, self.events = b"", 0, []

    def receive(self, until):
        while b"\0" not in self.buffer:
            if time.monotonic() > until:
                raise TimeoutError("the browser does not answer")
            part = os.read(self.inn, 1 << 20)
            if not part:
                raise EOFError("the browser has ended")
            self.buffer += part
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        self.out.write(json.dumps(message).encode() + b"\0")
        self.out.flush()
        until = time.monotonic() + LONGEST
        while True:
            answer = self.receive(until)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def close(self):
        try:
            self.call("Browser.close")
        except (EOFError, OSError):
            pass
        self.process.wait(LONGEST)


class Page:
    """A tab with one page in it."""

    def __init__(self, browser, file, script=True):
        self.browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.call("Target.attachToTarget", targetId=target, flatten=True)
        self.target, self.session = target, attached["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"]:
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=1280, height=900,
                  deviceScaleFactor=1, mobile=False)
        if not script:
            self.call("Emulation.setScriptExecutionDisabled", value=True)
        browser.events.clear()
        begun = time.monotonic()
        self.call("Page.navigate", url=file.as_uri())
        while self.js("document.readyState") != "complete":
            if time.monotonic() - begun > LONGEST:
                raise TimeoutError("the page does not load")
        self.loaded = time.monotonic() - begun

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def js(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def key(self, name, code, text=None):
        event = {"key": name, "code": name, "windowsVirtualKeyCode": code}
        down = {"type": "keyDown" if text else "rawKeyDown", **({"text": text} if text else {})}
        self.call("Input.dispatchKeyEvent", **down, **event)
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def tab(self):
        self.key("Tab", 9)

    def tab_to(self, selector, most=60):
        """Moves the focus by keyboard; False when it never comes there."""
        for _ in range(most):
            if self.js(f"document.activeElement.matches({selector!r})"):
                return True
            self.tab()
        return False

    def told(self, *methods):
        self.js("0")  # What came before has been received then.
        return [e for e in self.browser.events if e.get("method") in methods]

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
        self.browser.events.clear()


ROWS = "[...document.querySelectorAll('#alt tr[data-nr]')]"
SHOWN = f"{ROWS}.filter(r => r.checkVisibility()).length"
STATUS = "document.getElementById('antall').textContent"

CONTRAST = """(() => {
  const luminance = (c) => { const [r, g, b] = c.map((v) => { v /= 255;
    return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number);
    return n.length === 4 && n[3] === 0 ? null : n.slice(0, 3); };
  const behind = (e) => { for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor); if (c) return c; }
    return matchMedia('(prefers-color-scheme: dark)').matches ? [0, 0, 0] : [255, 255, 255]; };
  const bad = new Set();
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !e.checkVisibility() || e.closest('script, title, desc, caption, option')) continue;
    const svg = e.namespaceURI.endsWith('svg'), style = getComputedStyle(e);
    const color = parse(svg ? style.fill : style.color);
    const [a, b] = [luminance(color), luminance(behind(e))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) bad.add(`${e.tagName}.${e.className.baseVal ?? e.className} ${ratio.toFixed(2)}`);
  }
  return [...bad];
})()"""


def loads(page, name):
    """No fault, nothing over the network, no script but its own."""
    for event in page.told("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled",
                           "Page.javascriptDialogOpening"):
        yield f"the page says {json.dumps(event['params'])[:300]}"
    for event in page.told("Network.requestWillBeSent"):
        url = event["params"]["request"]["url"]
        if not url.startswith("file:"):
            yield f"it asks for {url}"
    if page.js("document.scripts.length") != 1:
        yield "there is another script than its own"
    if page.js("document.querySelectorAll('[onmouseover], [onclick], iframe, object, img').length"):
        yield "what was told has become markup"
    if page.loaded > 5:
        yield f"it takes {page.loaded:.1f} s to load"


def reads(page, name):
    """What a screen reader meets has names."""
    if page.js("document.documentElement.lang") != "nb":
        yield "its language is not told"
    if page.js("document.querySelectorAll('h1').length") != 1 or not page.js("document.title"):
        yield "it has no title"
    levels = page.js("[...document.querySelectorAll('h1, h2, h3')].map(h => +h.tagName[1])")
    if any(after > before + 1 for before, after in zip(levels, levels[1:])):
        yield f"a level of headings is left out: {levels}"
    tables = page.js(
        "[...document.querySelectorAll('table')].filter(t => !t.caption?.textContent.trim()"
        " || [...t.querySelectorAll('th')].some(h => !h.scope)"
        " || [...t.tBodies].some(b => [...b.rows].some(r => r.cells[0].tagName !== 'TH'))).length")
    if tables:
        yield f"{tables} tables lack a caption, or a scope of their headings"
    named = {"checkbox", "searchbox", "slider", "button", "textbox", "region", "form", "image",
             "link", "table", "DisclosureTriangle"}
    for node in page.call("Accessibility.getFullAXTree")["nodes"]:
        role = node.get("role", {}).get("value")
        if not node.get("ignored") and role in named and not node.get("name", {}).get("value"):
            yield f"a {role} has no name"
    if page.js("[...document.querySelectorAll('fieldset')]"
               ".some(f => !f.querySelector('legend')?.textContent.trim())"):
        yield "a group of controls has no name"
    if page.js("document.querySelector('[role=region]:not([aria-label])') !== null"):
        yield "a region has no name"  # Without one the browser makes it none.
    for scheme in ["light", "dark"]:
        page.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])
        for text in page.js(CONTRAST):
            yield f"in {scheme}, {text} does not stand out"
    page.call("Emulation.setEmulatedMedia", features=[])


def keys(page, name):
    """Filters and the moment, by keyboard alone, with a focus that is seen."""
    rows = page.js(f"{ROWS}.length")
    if page.js(SHOWN) != rows:
        yield "rows are hidden from the start"
    if not page.tab_to("input[name=bane]"):
        yield "the filter cannot be reached by keyboard"
        return
    if page.js("getComputedStyle(document.activeElement).outlineStyle") == "none":
        yield "the focus is not seen"
    lane = page.js("document.activeElement.value")
    own = page.js(f"{ROWS}.filter(r => r.dataset.bane === '{lane}').length")
    page.key(" ", 32, " ")
    if page.js(SHOWN) != rows - own or page.js(STATUS) != f"Viser {rows - own} av {rows}":
        yield "a unit cannot be taken out with the space bar"
    marks = page.js("[...document.querySelectorAll('#linje a')].filter(a => a.checkVisibility()).length")
    if marks != rows - own:
        yield "the axis does not follow the filter"
    page.key(" ", 32, " ")
    page.tab_to("input[name=slag]")
    kind = page.js("document.activeElement.value")
    of_kind = page.js(f"{ROWS}.filter(r => r.dataset.slag === '{kind}').length")
    page.key(" ", 32, " ")
    if page.js(SHOWN) != rows - of_kind:
        yield "a kind cannot be taken out with the space bar"
    page.key(" ", 32, " ")
    page.tab_to("#sok")
    page.call("Input.insertText", text="frist brutt")
    found = page.js(f"{ROWS}.filter(r => r.textContent.toLowerCase().includes('frist brutt')).length")
    if page.js(SHOWN) != found or not 0 < found < rows:
        yield "the text field does not filter"
    page.tab_to("button[type=reset]")
    page.key("Enter", 13, "\r")
    page.js("new Promise(done => setTimeout(done))")
    deadline = time.monotonic() + 2
    while page.js(SHOWN) != rows and time.monotonic() < deadline:
        pass
    if page.js(SHOWN) != rows:
        yield "the reset does not show everything again"
    page.tab_to("#oyeblikk")
    page.key("ArrowRight", 39)
    told = page.js("document.getElementById('apent').textContent")
    spoken = page.js("document.getElementById('oyeblikk').getAttribute('aria-valuetext')")
    if told.partition("åpent da: ")[2] in ("", "ingenting") or not spoken:
        yield f"a moment does not say what was open: {told}"
    if page.js("document.getElementById('markor').getAttribute('visibility')") != "visible":
        yield "the moment is not marked on the axis"
    stops = page.js(
        "[...document.querySelectorAll('a[href], button, input, summary, [tabindex]')]"
        ".filter(e => e.tabIndex >= 0 && e.checkVisibility() && !e.closest('#alt')).length")
    if stops > 60:
        yield f"{stops} stops on the way through the page"
    begun = time.monotonic()
    page.js("vis()")
    if time.monotonic() - begun > 1:
        yield "the filter takes over a second"


def prints(page, name):
    """On paper everything is there, opened, without controls."""
    page.js("addEventListener('beforeprint', () => { window.shut ="
            " document.querySelectorAll('details:not([open])').length })")
    pdf = base64.b64decode(page.call("Page.printToPDF", preferCSSPageSize=True)["data"])
    if not pdf.startswith(b"%PDF") or len(pdf) < 5_000:
        yield "it does not print"
    if page.js("window.shut") != 0:
        yield f"{page.js('window.shut')} parts are shut on paper"
    page.call("Emulation.setEmulatedMedia", media="print")
    if page.js("document.getElementById('valg').checkVisibility()"):
        yield "the controls are printed"
    if page.js(SHOWN) != page.js(f"{ROWS}.length"):
        yield "rows are left out on paper"
    if page.js("document.documentElement.scrollWidth > innerWidth + 1"):
        yield "it is wider than the paper"
    page.call("Emulation.setEmulatedMedia", media="")


def without_script(page, name):
    """Every row is there, and no control that does nothing."""
    rows = page.js(f"{ROWS}.length")
    if not rows or page.js(SHOWN) != rows:
        yield "rows are hidden without script"
    if page.js("document.getElementById('valg').checkVisibility()"):
        yield "there are controls that do nothing without script"


CHECKS = [loads, reads, keys, prints]


def faults(browser, file):
    found = []
    page = Page(browser, file)
    for check in CHECKS:
        found += [f"{check.__name__}: {fault}" for fault in check(page, file.stem)]
    page.close()
    page = Page(browser, file, script=False)
    found += [f"without_script: {fault}" for fault in without_script(page, file.stem)]
    page.close()
    return found


# What is put in the place of what, and the check that must find it.
SABOTAGES = [
    ("</body>", '<img src="http://127.0.0.1:9/x.png" alt="">\n</body>', "loads"),
    ("const valg =", "throw 1; const valg =", "loads"),
    ("</main>", '<b onclick="x">x</b></main>', "loads"),
    ('lang="nb"', 'lang=""', "reads"),
    ("<caption>Hva som skjedde, i rekkefølge</caption>", "", "reads"),
    ('<th scope="col">Slag</th>', "<th>Slag</th>", "reads"),
    ('<label for="sok">Inneholder</label>', "", "reads"),
    ('aria-label="Tidsakse"', "", "reads"),
    ("--dempet: #57606a", "--dempet: #c0c0c0", "reads"),
    ("--dempet: #a3adb8", "--dempet: #444", "reads"),
    (":focus-visible { outline: 3px", ":focus-visible { outline: none; border: 0; /* 3px", "keys"),
    ("rad.hidden = !med;", "", "keys"),
    ("(h.target.id === \"oyeblikk\" ? oyeblikk() : vis())", "vis()", "keys"),
    ('type="checkbox" name="bane"', 'type="checkbox" tabindex="-1" name="bane"', "keys"),
    ('valg.addEventListener("reset"', 'valg.addEventListener("aldri"', "keys"),
    ("for (const d of lukkede) d.open = true;", "", "prints"),
    (".valg, .markor { display: none; }", "", "prints"),
    ('aria-label="Vis bare noe" hidden>', 'aria-label="Vis bare noe">', "without_script"),
    ('<tr id="i1" ', '<tr id="i1" hidden ', "without_script"),
]


def sabotaged(browser, file, folder):
    """Sabotages that nothing finds."""
    whole = file.read_text()
    for number, (old, new, expected) in enumerate(SABOTAGES):
        broken = whole.replace(old, new)
        if broken == whole:
            yield f"nothing to break: {old}"
            continue
        if "/* 3px" in new:
            broken = broken.replace("/* 3px", "/* 3px */", 1)
        # The guard against foreign scripts would find what changes its own.
        broken = broken.replace("script-src 'sha256-", "script-src 'unsafe-inline' 'x-", 1)
        copy = pathlib.Path(folder) / f"brutt-{number}.html"
        copy.write_text(broken)
        if not any(fault.startswith(f"{expected}:") for fault in faults(browser, copy)):
            yield f"{expected} does not find: {old} → {new}"


def pages(folder):
    """Pages of an incident, of a long one, and of hostile texts."""
    environment = {**os.environ, "SAMSPOR_SIDER": folder}
    subprocess.run(
        ["cargo", "test", "--quiet", "--workspace", "--exclude", "samspor-last", "--lib",
         "gransk::sideprove::"],
        cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL,
    )
    return sorted(pathlib.Path(folder).glob("*.html"))


def main():
    if not shutil.which("chromium"):
        sys.exit("no chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        made = pages(folder)
        if {page.stem for page in made} != {"kort", "lang", "ond"}:
            sys.exit(f"the pages were not made: {made}")
        browser = Browser(folder)
        failed = False
        try:
            for page in made:
                found = faults(browser, page)
                for fault in found:
                    print(f"{page.stem}: {fault}")
                print(f"{page.stem}: {len(found)} faults")
                failed |= bool(found)
            short = next(page for page in made if page.stem == "kort")
            for missed in sabotaged(browser, short, folder):
                print(missed)
                failed = True
            print(f"{len(SABOTAGES)} sabotages tried")
        finally:
            browser.close()
        sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
