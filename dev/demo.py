"""Runs the program in a terminal, types what a user would, and draws what it showed as an animated SVG.

The model is a server in here that answers by a script; all else is real: the program, its sandbox, its questions.
"""

import fcntl
import html
import http.server
import json
import os
import pathlib
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

import pyte

COLUMNS, ROWS = 100, 30
FRAME = 0.1  # Seconds between two frames that are looked at.
LONGEST = 2.5  # Seconds that nothing changes, at most.
END = 5.0  # Seconds of the last frame.

CART = '''def total(prices, discount=0):
    """The sum, less the discount in percent."""
    return sum(prices) * (1 - discount)
'''
TEST = '''import unittest

from cart import total


class Total(unittest.TestCase):
    def test_discount(self):
        self.assertEqual(total([40, 60], discount=25), 75)
'''
EDIT = [{"oldText": "(1 - discount)", "newText": "(100 - discount) / 100"}]
ANSWER = """The discount is given **in percent**, and was taken for a fraction:

```python
return sum(prices) * (100 - discount) / 100
```

| discount | before | now |
|---------:|-------:|----:|
| 0 | 100 | 100 |
| 25 | -2400 | 75 |

The test passes now. `/undo` takes it back, if you like."""

# What the model says, an answer a request: text, and calls.
SCRIPT = [
    ("I look at the code and at its test first.", [("read_file", {"path": "cart.py"}), ("read_file", {"path": "test_cart.py"})]),
    ("", [("edit_file", {"path": "cart.py", "edits": EDIT})]),
    ("", [("run_shell_command", {"command": "python3 -m unittest"})]),
    (ANSWER, []),
]
AGENT = """name: coder
model: m
models:
  m: {{provider: openai-compatible, model: scripted, base_url: "http://127.0.0.1:{port}/v1", context_window: 128000}}
tools: [files, shell]
"""


class Model(http.server.BaseHTTPRequestHandler):
    """Answers the requests in order, a word at a time."""

    asked = 0

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        text, calls = SCRIPT[Model.asked]
        Model.asked += 1
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        time.sleep(0.6)
        for word in text.replace(" ", " \0").split("\0") if text else []:
            self.event(delta={"content": word})
            time.sleep(0.03)
        calls = [
            {"index": n, "id": f"call_{Model.asked}{n}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for n, (name, arguments) in enumerate(calls)
        ]
        if calls:
            self.event(delta={"tool_calls": calls})
        self.event(delta={}, finish_reason="tool_calls" if calls else "stop")
        usage = {"prompt_tokens": 2100 + 400 * Model.asked, "completion_tokens": 120}
        self.wfile.write(f"data: {json.dumps({'choices': [], 'usage': usage})}\n\ndata: [DONE]\n\n".encode())

    def event(self, **choice):
        self.wfile.write(f"data: {json.dumps({'choices': [{'index': 0, **choice}]})}\n\n".encode())
        self.wfile.flush()


class Terminal:
    """The program in a terminal, and what was on the screen when."""

    def __init__(self, command, env, folder):
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        self.frames = []
        self.begun = time.monotonic()
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(command[0], command, env)
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    def wait(self, seconds=None, text=None, most=60):
        """Until `text` is on the screen, or for some seconds."""
        end = time.monotonic() + (most if text else seconds)
        while time.monotonic() < end:
            if select.select([self.file], [], [], FRAME)[0]:
                try:
                    data = os.read(self.file, 65536)
                except OSError:
                    return
                if b"\x1b]11;?" in data:
                    os.write(self.file, b"\x1b]11;rgb:1616/1b1b/2222\x1b\\")
                # The emulator does not know these, and would show what is in them.
                self.stream.feed(data.replace(b"\x1b[>1u", b"").replace(b"\x1b[<1u", b"").replace(b"\x1b]11;?\x1b\\", b""))
            self.look()
            if text and any(text in line for line in self.screen.display):
                return
        if text:
            sys.exit(f"`{text}` did not come:\n" + "\n".join(self.screen.display))

    def look(self):
        rows = tuple(self.row(y) for y in range(ROWS))
        if not self.frames or self.frames[-1][1] != rows:
            self.frames.append((time.monotonic() - self.begun, rows))

    def row(self, y):
        """Runs of characters that look alike: column, text, colour, bold, underlined, reversed."""
        runs = []
        cursor = self.screen.cursor
        for x in range(COLUMNS):
            char = self.screen.buffer[y][x]
            here = not cursor.hidden and (cursor.x, cursor.y) == (x, y)
            look = (char.fg, char.bold, char.underscore, char.reverse or here)
            if runs and runs[-1][2:] == look:
                runs[-1] = (runs[-1][0], runs[-1][1] + char.data, *look)
            else:
                runs.append((x, char.data, *look))
        return tuple(run for run in runs if run[1].strip() or run[5])

    def type(self, text):
        for char in text:
            os.write(self.file, char.encode())
            self.wait(0.05)

    def press(self, key):
        os.write(self.file, key.encode())


def run(binary):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as root:
        work = pathlib.Path(root, "shop")
        work.mkdir()
        (work / "cart.py").write_text(CART)
        (work / "test_cart.py").write_text(TEST)
        (work / "agent.yaml").write_text(AGENT.format(port=server.server_port))
        env = {"PATH": os.environ["PATH"], "HOME": root, "AGENTSCOPE_HOME": f"{root}/.agentscope", "LANG": "C.UTF-8"}
        env |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        terminal = Terminal([binary, "chat"], env, work)
        try:
            terminal.wait(text="no network")
            terminal.wait(1)
            terminal.type("The total is wrong with a discount. Find out why and mend it.")
            terminal.wait(0.4)
            terminal.press("\r")
            terminal.wait(text="❯ y")
            terminal.wait(2)
            terminal.press("y")
            terminal.wait(text="python3 -m unittest")
            terminal.wait(text="❯ y")
            terminal.wait(2)
            terminal.press("y")
            terminal.wait(text="takes it back")
            terminal.wait(1.5)
        finally:
            os.kill(terminal.pid, signal.SIGTERM)
            os.waitpid(terminal.pid, 0)
            subprocess.run([binary, "sandbox", "rm", "--all"], env=env, capture_output=True, check=False)
        return terminal.frames


COLORS = {"default": "#d7dade", "cyan": "#56c2d6", "green": "#7ec67e", "brown": "#e0b05c", "red": "#f28b82", "magenta": "#c792ea", "blue": "#82aaff"}
WIDTH, HEIGHT = 8.4, 17  # Of a character, in pixels.
PAGE = round(COLUMNS * WIDTH)
BLOCK = 5  # Rows that are drawn together.


def drawn(row):
    """A row as SVG, at the top."""
    parts = []
    for x, text, color, bold, underlined, reversed_ in row:
        fill = COLORS.get(color, f"#{color}")
        if reversed_:
            parts.append(f'<rect x="{x * WIDTH:.1f}" y="1" width="{len(text) * WIDTH:.1f}" height="{HEIGHT}" fill="{fill}"/>')
            fill = "#161b22"
        if text.strip():
            extra = ' class="b"' * bold + ' text-decoration="underline"' * underlined
            length = f' textLength="{len(text.rstrip()) * WIDTH:.1f}"'
            parts.append(f'<text x="{x * WIDTH:.1f}" y="14" fill="{fill}"{length}{extra}>{html.escape(text.rstrip())}</text>')
    return "".join(parts)


def svg(frames):
    """Each row once, each block of rows once, and a film of all frames that jumps from one to the next."""
    rows, blocks, film, steps, at = {}, {}, [], [], 0.0
    for n, (time_, shown) in enumerate(frames):
        steps.append(at)
        at += min(frames[n + 1][0] - time_, LONGEST) if n + 1 < len(frames) else END
        for row in filter(None, shown):
            rows.setdefault(row, f"r{len(rows)}")
        uses = []
        for y in range(0, ROWS, BLOCK):
            block = shown[y : y + BLOCK]
            if any(block):
                name = blocks.setdefault(block, f"b{len(blocks)}")
                uses.append(f'<use href="#{name}" y="{y * HEIGHT}"/>')
        film.append(f'<svg x="{n * PAGE}" width="{PAGE}">{"".join(uses)}</svg>')
    keys = "".join(f"{100 * step / at:.2f}%{{transform:translateX(-{n * PAGE}px)}}" for n, step in enumerate(steps))
    used = lambda block: "".join(f'<use href="#{rows[row]}" y="{y * HEIGHT}"/>' for y, row in enumerate(block) if row)
    defs = [f'<g id="{name}">{drawn(row)}</g>' for row, name in rows.items()]
    defs += [f'<g id="{name}">{used(block)}</g>' for block, name in blocks.items()]
    width, height = PAGE + 24, ROWS * HEIGHT + 24
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>agentscope chat: a bug is found, mended and tested, each step allowed by the user</title>
<style>text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre}}.b{{font-weight:bold}}
.film{{animation:play {at:.1f}s step-end infinite}}@keyframes play{{{keys}}}</style>
<rect width="100%" height="100%" rx="8" fill="#161b22"/>
<defs>{"".join(defs)}</defs>
<svg x="12" y="12" width="{PAGE}" height="{ROWS * HEIGHT}"><g class="film">{"".join(film)}</g></svg>
</svg>
"""


def main():
    binary, target = sys.argv[1:]
    picture = svg(run(binary))
    pathlib.Path(target).write_text(picture)
    print(f"{target}: {len(picture) >> 10} KiB")


main()
