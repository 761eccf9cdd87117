//! Python in a box, with IPython and without.

use std::{fmt::Write as _, time::Duration};

use agentscope::sandbox::{
    SandboxBackend as _,
    wire::{CellEvent, CellOutcome, CellSpec},
};

use crate::common::{Host, require};

/// With an `IPython` that cannot be imported.
async fn plain() -> Option<Host> {
    if !require::available("python", runs("import sys")) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("IPython.py"), "raise ImportError").unwrap();
    let path = folder.keep();
    let host = Host::with(|spec| {
        spec.env.insert("PYTHONPATH".into(), path.display().to_string());
    })
    .await;
    cell(&host, "pass").await;
    std::fs::remove_dir_all(path).unwrap();
    Some(host)
}

async fn with_ipython() -> Option<Host> {
    if require::available("ipython", runs("import IPython")) { Some(Host::start().await) } else { None }
}

fn runs(code: &str) -> bool {
    let ran = std::process::Command::new("python3").args(["-c", code]).output();
    ran.is_ok_and(|ran| ran.status.success())
}

async fn cell(host: &Host, code: &str) -> String {
    told(host, CellSpec { code: code.into(), timeout: None }).await
}

/// All that a cell gives; what follows on the same stream is joined.
async fn told(host: &Host, spec: CellSpec) -> String {
    let (mut cell, mut told) = (host.client.cell(&spec).await.unwrap(), String::new());
    let (mut stdout, mut stderr) = (String::new(), String::new());
    while let Some(event) = cell.next().await {
        match event.unwrap() {
            CellEvent::Stdout(text) => stdout.push_str(&text),
            CellEvent::Stderr(text) => stderr.push_str(&text),
            CellEvent::Display(bundle) => writeln!(told, "display {bundle:?}").unwrap(),
            CellEvent::Done(end) => {
                write!(told, "{:?}", end.outcome).unwrap();
                end.lost.inspect(|lost| write!(told, ", lost: {lost}").unwrap());
            }
        }
    }
    let stderr = if stderr.is_empty() { stderr } else { format!("stderr: {stderr}") };
    format!("{stdout}{stderr}{told}")
}

const CELLS: &[&str] = &[
    "print('Hello, World!')",
    "x = 20\nx + 1",
    "x;",
    "import asyncio\nawait asyncio.sleep(0, 'slept')",
    "1 +",
    "def f():\n    return 1 / 0\nf()",
    "import sys; print('careful', file=sys.stderr)",
    "input()",
    "import os; os.system('echo from a program'); None",
    "class Table:\n    def _repr_html_(self): return '<table>'\n    def __repr__(self): return 'a table'\nTable()",
    "display(Table())",
    "import sys; sys.exit(3)",
    "x",
];

async fn battery(host: &Host) -> String {
    let mut all = String::new();
    for code in CELLS {
        let told = cell(host, code).await;
        // How a traceback looks depends on the version of Python; its end does not.
        let traceback = told.strip_suffix("\nError").and_then(|traceback| traceback.trim_end().lines().next_back());
        let told = traceback.map_or(told.clone(), |last| format!("…\n{last}\nError"));
        write!(all, ">>> {code}\n{told}\n\n").unwrap();
    }
    all
}

#[tokio::test]
async fn plain_python_behaves_as_a_notebook_does() {
    let Some(host) = plain().await else { return };
    insta::assert_snapshot!(battery(&host).await, @r#"
    >>> print('Hello, World!')
    Hello, World!
    Ok

    >>> x = 20
    x + 1
    Out[1]: 21
    Ok

    >>> x;
    Ok

    >>> import asyncio
    await asyncio.sleep(0, 'slept')
    Out[1]: 'slept'
    Ok

    >>> 1 +
    …
    SyntaxError: invalid syntax
    Error

    >>> def f():
        return 1 / 0
    f()
    …
    ZeroDivisionError: division by zero
    Error

    >>> import sys; print('careful', file=sys.stderr)
    stderr: careful
    Ok

    >>> input()
    …
    EOFError: EOF when reading a line
    Error

    >>> import os; os.system('echo from a program'); None
    from a program
    Ok

    >>> class Table:
        def _repr_html_(self): return '<table>'
        def __repr__(self): return 'a table'
    Table()
    Out[1]: a table
    display {"text/html": "<table>", "text/plain": "a table"}
    Ok

    >>> display(Table())
    a table
    display {"text/html": "<table>", "text/plain": "a table"}
    Ok

    >>> import sys; sys.exit(3)
    …
    SystemExit: 3
    Error

    >>> x
    Out[1]: 20
    Ok
    "#);
    host.stop().await;
}

#[tokio::test]
async fn with_ipython_it_behaves_the_same() {
    let Some(host) = with_ipython().await else { return };
    insta::assert_snapshot!(battery(&host).await, @r#"
    >>> print('Hello, World!')
    Hello, World!
    Ok

    >>> x = 20
    x + 1
    Out[1]: 21
    Ok

    >>> x;
    Ok

    >>> import asyncio
    await asyncio.sleep(0, 'slept')
    Out[1]: 'slept'
    Ok

    >>> 1 +
    …
    SyntaxError: invalid syntax
    Error

    >>> def f():
        return 1 / 0
    f()
    …
    ZeroDivisionError: division by zero
    Error

    >>> import sys; print('careful', file=sys.stderr)
    stderr: careful
    Ok

    >>> input()
    …
    EOFError: EOF when reading a line
    Error

    >>> import os; os.system('echo from a program'); None
    from a program
    Ok

    >>> class Table:
        def _repr_html_(self): return '<table>'
        def __repr__(self): return 'a table'
    Table()
    Out[1]: a table
    display {"text/html": "<table>", "text/plain": "a table"}
    Ok

    >>> display(Table())
    a table
    display {"text/html": "<table>", "text/plain": "a table"}
    Ok

    >>> import sys; sys.exit(3)
    …
    SystemExit: 3
    Error

    >>> x
    Out[1]: 20
    Ok
    "#);
    assert_eq!(cell(&host, "!echo magic").await, "magic\r\nOk");
    host.stop().await;
}

#[tokio::test]
async fn output_comes_while_a_cell_runs_and_cells_wait_for_each_other() {
    let Some(host) = plain().await else { return };
    let spec = |code: &str| CellSpec { code: code.into(), timeout: None };
    let code = "import time\nprint('first')\nwhile not go: time.sleep(0.01)\nprint('last')";
    cell(&host, "go = []\nimport threading, os\ndef wait():\n    while not os.path.exists('go'): pass\n    go.append(1)\nthreading.Thread(target=wait).start()").await;
    let mut first = host.client.cell(&spec(code)).await.unwrap();
    assert_eq!(first.next().await.unwrap().unwrap(), CellEvent::Stdout("first\n".into()));
    let second = tokio::spawn({
        let client = host.client.clone();
        async move { client.cell(&spec("print('second')")).await.unwrap().next().await.unwrap().unwrap() }
    });
    host.sh("touch go").await;
    assert_eq!(first.next().await.unwrap().unwrap(), CellEvent::Stdout("last\n".into()));
    assert!(matches!(first.next().await.unwrap().unwrap(), CellEvent::Done(end) if end.outcome == CellOutcome::Ok));
    assert_eq!(second.await.unwrap(), CellEvent::Stdout("second\n".into()));
    host.stop().await;
}

#[tokio::test]
async fn a_timeout_interrupts_and_what_does_not_listen_is_killed() {
    let Some(host) = plain().await else { return };
    let timed = |code: &str| CellSpec { code: code.into(), timeout: Some(Duration::from_millis(200)) };
    cell(&host, "x = 1").await;
    let interrupted = told(&host, timed("import time\ntime.sleep(1000)")).await;
    assert!(interrupted.contains("KeyboardInterrupt") && interrupted.ends_with("TimedOut"), "{interrupted}");
    assert_eq!(cell(&host, "x").await, "Out[1]: 1\nOk");
    let deaf = "import time\nwhile True:\n    try: time.sleep(1000)\n    except KeyboardInterrupt: pass";
    insta::assert_snapshot!(told(&host, timed(deaf)).await, @"TimedOut, lost: the code did not stop when it was interrupted, and Python was killed");
    assert!(cell(&host, "x").await.contains("NameError"));
    host.stop().await;
}

#[tokio::test]
async fn a_cell_is_interrupted_reset_or_left_by_its_client() {
    let Some(host) = plain().await else { return };
    let spec = CellSpec { code: "import time\nprint('on')\ntime.sleep(1000)".into(), timeout: None };
    let mut running = host.client.cell(&spec).await.unwrap();
    running.next().await.unwrap().unwrap();
    host.client.interrupt_python().await.unwrap();
    let mut last = None;
    while let Some(event) = running.next().await {
        last = Some(event.unwrap());
    }
    assert!(
        matches!(last, Some(CellEvent::Done(end)) if end.outcome == CellOutcome::Interrupted && end.lost.is_none())
    );

    cell(&host, "y = 2").await;
    let mut left = host.client.cell(&spec).await.unwrap();
    left.next().await.unwrap().unwrap();
    drop(left);
    // It waits for the one before it, which nobody waits for any more.
    assert_eq!(cell(&host, "y").await, "Out[1]: 2\nOk");

    host.client.reset_python().await.unwrap();
    assert!(cell(&host, "y").await.contains("NameError"));
    host.stop().await;
}

#[tokio::test]
async fn the_death_of_python_is_told() {
    let Some(host) = plain().await else { return };
    insta::assert_snapshot!(cell(&host, "import os\nprint('last words')\nos._exit(7)").await, @"
    last words
    Died(None), lost: Python ended (exit code 7)
    ");
    cell(&host, "import os, threading\nthreading.Timer(0.05, lambda: os._exit(8)).start()").await;
    while host.backend.inspect(&host.spec.id).await.unwrap().usage.pids != Some(1) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    insta::assert_snapshot!(cell(&host, "1").await, @"
    Out[1]: 1
    Ok, lost: Python ended after the last cell (exit code 8)
    ");
    host.stop().await;
}

#[tokio::test]
async fn a_box_without_python_says_so_in_one_sentence() {
    let host = Host::with(|spec| drop(spec.env.insert("PATH".into(), "/nowhere".into()))).await;
    let spec = CellSpec { code: "1".into(), timeout: None };
    let error = host.client.cell(&spec).await.err().unwrap();
    insta::assert_snapshot!(error, @"there is no Python in this sandbox; use an image that has it, or install it on this machine");
    host.stop().await;
}
