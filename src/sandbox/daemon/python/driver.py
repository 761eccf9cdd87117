"""Runs cells for the daemon: one JSON object a line over the socket whose number is the first argument.

In: {"code": TEXT}. Out: {"ready": {...}} once, then for each cell any number of {"display": {MIME: TEXT}} and
one {"done": "ok" | "error" | "interrupted"}. What a cell writes goes through the process's own standard streams.
"""


def main(number):
    import base64
    import builtins
    import json
    import os
    import signal
    import socket
    import sys
    import types

    os.set_inheritable(number, False)
    daemon = socket.socket(fileno=number)
    sys.argv = [""]
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    os.environ.setdefault("MPLBACKEND", "agg")

    def tell(message):
        daemon.sendall(json.dumps(message).encode() + b"\n")

    running = False

    def interrupt(_number, _frame):
        # Between cells there is nothing to interrupt.
        if running:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)

    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    scope = module.__dict__
    scope["__builtins__"] = builtins

    def show(bundle):
        """Sends what is more than text."""
        rich = {}
        for kind, value in bundle.items():
            if isinstance(value, bytes):
                value = base64.b64encode(value).decode()
            elif not isinstance(value, str):
                value = json.dumps(value, default=str)
            if kind != "text/plain":
                rich[kind] = value
        if rich:
            rich["text/plain"] = str(bundle.get("text/plain", ""))
            tell({"display": rich})

    def show_figures():
        """Figures that were drawn and not shown."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is None:
            return
        import io

        for figure in pyplot.get_fignums():
            file = io.BytesIO()
            drawn = pyplot.figure(figure)
            drawn.savefig(file, format="png", bbox_inches="tight")
            show({"text/plain": repr(drawn), "image/png": file.getvalue()})
        pyplot.close("all")

    try:
        run = with_ipython(scope, module, show)
        ipython = True
    except ImportError:
        run = without_ipython(scope, show)
        ipython = False
    tell({"ready": {"version": sys.version.split()[0], "ipython": ipython}})

    for line in daemon.makefile("r", encoding="utf-8"):
        code = json.loads(line)["code"]
        try:
            running = True
            outcome = run(code)
            show_figures()
        except KeyboardInterrupt:
            # Where it came too late for the cell, or in the way of its end.
            outcome = "interrupted"
        except BaseException as error:
            print(f"{type(error).__name__}: {error}")
            outcome = "error"
        finally:
            running = False
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        tell({"done": outcome})


def with_ipython(scope, module, show):
    import warnings

    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell

    class Hook(DisplayHook):
        cell = ""

        def quiet(self):
            # IPython looks into the history, which is not kept.
            return self.cell.rstrip().endswith(";")

        def write_format_data(self, format_dict, md_dict=None):
            super().write_format_data(format_dict, md_dict)
            show(format_dict)

    class Publisher(DisplayPublisher):
        def publish(self, data, *args, **kwargs):
            if "text/plain" in data:
                print(data["text/plain"])
            show(data)

    class Shell(InteractiveShell):
        displayhook_class = Hook
        display_pub_class = Publisher

        def enable_gui(self, gui=None):
            pass

    from traitlets.config import Config

    config = Config()
    # Nothing of what is run is kept, neither on disk nor in memory.
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = Shell.instance(config=config, user_module=module)

    # For a terminal, which this is not.
    warnings.filterwarnings("ignore", message="To exit: use")

    def run(code):
        shell.displayhook.cell = code
        result = shell.run_cell(code, store_history=False)
        # Numbered as the contract has it: every cell is the first.
        shell.execution_count = 1
        error = result.error_before_exec or result.error_in_exec
        if error is None:
            return "ok"
        return "interrupted" if isinstance(error, KeyboardInterrupt) else "error"

    return run


def without_ipython(scope, show):
    import ast
    import asyncio
    import builtins
    import inspect
    import linecache
    import sys
    import traceback

    numbers = iter(range(1, sys.maxsize))
    loop = None

    methods = {
        "text/html": "_repr_html_",
        "text/markdown": "_repr_markdown_",
        "text/latex": "_repr_latex_",
        "image/png": "_repr_png_",
        "image/jpeg": "_repr_jpeg_",
        "image/svg+xml": "_repr_svg_",
        "application/json": "_repr_json_",
    }

    def bundle(value):
        found = {"text/plain": repr(value)}
        # A class has the methods of its instances, which cannot be called on it.
        if isinstance(value, type):
            return found
        for kind, method in [*methods.items(), (None, "_repr_mimebundle_")]:
            try:
                made = getattr(value, method)()
                # Some come with metadata.
                made = made[0] if isinstance(made, tuple) else made
            except Exception:
                continue
            if kind is None:
                found.update(made or {})
            elif made is not None:
                found[kind] = made
        return found

    def display(*values):
        for value in values:
            made = bundle(value)
            print(made["text/plain"])
            show(made)

    def echo(value):
        if value is None:
            return
        scope["_"] = value
        made = bundle(value)
        text = made["text/plain"]
        print("Out[1]:", "\n" + text if "\n" in text else text)
        show(made)

    builtins.display = display

    def evaluate(node, name):
        nonlocal loop
        mode = "eval" if isinstance(node, ast.Expression) else "exec"
        code = compile(node, name, mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        value = eval(code, scope)
        if code.co_flags & inspect.CO_COROUTINE:
            if loop is None:
                loop = asyncio.new_event_loop()
                asyncio.set_event_loop(loop)
            value = loop.run_until_complete(value)
        return value

    def run(code):
        name = f"<cell {next(numbers)}>"
        # So that tracebacks show its lines.
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        try:
            tree = ast.parse(code, name)
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            if tree.body:
                evaluate(tree, name)
            if last is not None:
                value = evaluate(ast.Expression(last.value), name)
                if not code.rstrip().endswith(";"):
                    echo(value)
        except BaseException as error:
            sys.stderr.flush()
            # Without our own frames.
            kept = error.__traceback__
            while kept is not None and kept.tb_frame.f_code.co_filename != name:
                kept = kept.tb_next
            lines = traceback.format_exception(type(error), error, kept)
            print("".join(lines), end="")
            return "interrupted" if isinstance(error, KeyboardInterrupt) else "error"
        return "ok"

    return run


if __name__ == "__main__":
    import sys

    main(int(sys.argv[1]))
