//! The daemon inside a box, through the backend without isolation.

use std::time::Duration;

use agentscope::sandbox::{
    BoxClient, Lifetime, SandboxBackend as _, State, Token,
    client::{Collected, ExecError, Output},
    wire::{ExecSpec, ExitStatus, Limit, WindowSize},
};

use crate::common::Host;

fn sh(script: &str) -> ExecSpec {
    ExecSpec { argv: vec!["sh".into(), "-c".into(), script.into()], ..ExecSpec::default() }
}

fn text(collected: &Collected) -> (String, String, ExitStatus) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&collected.stdout.bytes), text(&collected.stderr.bytes), collected.status)
}

fn exited(code: i32) -> ExitStatus {
    ExitStatus { code: Some(code), signal: None, limit: None }
}

#[tokio::test]
async fn a_program_has_two_streams_a_code_and_its_folder() {
    let host = Host::start().await;
    let ran = host.sh("echo out; echo err >&2; exit 3").await;
    assert_eq!(text(&ran), ("out\n".into(), "err\n".into(), exited(3)));
    let ran = host.sh("kill -9 $$").await;
    assert_eq!(ran.status, ExitStatus { code: None, signal: Some(9), limit: None });
    let mut spec = sh("pwd; echo $GREETING; echo [$SECRET]");
    spec.env.insert("GREETING".into(), "hello".into());
    spec.cwd = Some("/".into());
    assert_eq!(text(&host.run(&spec).await), ("/\nhello\n[]\n".into(), String::new(), exited(0)));
    host.stop().await;
}

#[tokio::test]
async fn what_cannot_be_started_is_told_as_a_shell_tells_it() {
    let host = Host::start().await;
    host.sh("touch plain").await;
    let mut said = vec![];
    for (argv, cwd) in
        [(&["no-such-program"][..], None), (&["./plain"], None), (&[], None), (&["true"], Some("nowhere"))]
    {
        let argv = argv.iter().map(|&word| word.to_owned()).collect();
        let spec = ExecSpec { argv, cwd: cwd.map(str::to_owned), ..ExecSpec::default() };
        let Err(ExecError::Refused(failure)) = host.client.exec(&spec).await else { panic!("{spec:?} was started") };
        said.push(failure.to_string().replace(&host.home.path().display().to_string(), "[HOME]"));
    }
    let said = said.join("\n").replace(host.spec.id.as_str(), "[ID]");
    insta::assert_snapshot!(said, @"
    no such program: no-such-program
    cannot run ./plain: it is not an executable file
    there is no program to run
    cannot use the working directory `[HOME]/[ID]/workspace/nowhere`: No such file or directory (os error 2)
    ");
    host.stop().await;
}

#[tokio::test]
async fn text_that_says_nothing_of_what_runs_it_is_for_the_shell() {
    let host = Host::start().await;
    host.sh("echo 'echo $# $1; exit 4' > script; chmod +x script").await;
    for pty in [None, Some(WindowSize { columns: 80, rows: 24 })] {
        let argv = ["./script", "one two"].map(str::to_owned).into();
        let ran = host.run(&ExecSpec { argv, pty, ..ExecSpec::default() }).await;
        assert_eq!((text(&ran).0.trim_end(), ran.status), ("1 one two", exited(4)));
    }
    host.stop().await;
}

#[tokio::test]
async fn input_goes_in_and_ends() {
    let host = Host::start().await;
    let mut exec = host.client.exec(&ExecSpec { stdin: true, ..sh("cat; echo done") }).await.unwrap();
    let input = exec.input();
    let sent = vec![b'x'; 3 << 20];
    let writer = tokio::spawn({
        let sent = sent.clone();
        async move {
            input.write(&sent).await.unwrap();
            input.close().await.unwrap();
        }
    });
    let mut got = vec![];
    while let Some(output) = exec.next().await {
        match output.unwrap() {
            Output::Stdout(bytes) => got.extend_from_slice(&bytes),
            Output::Stderr(bytes) => panic!("{bytes:?}"),
            Output::Exited(status) => assert_eq!(status, exited(0)),
        }
    }
    writer.await.unwrap();
    assert_eq!(got.len(), sent.len() + "done\n".len());
    // Without any, the program reads the end at once.
    assert_eq!(text(&host.sh("cat; echo done").await).0, "done\n");
    host.stop().await;
}

#[tokio::test]
async fn a_terminal_is_one_and_can_be_resized() {
    let host = Host::start().await;
    let spec =
        ExecSpec { pty: Some(WindowSize { rows: 11, columns: 33 }), ..sh("stty size; read line; stty size; tty") };
    let mut exec = host.client.exec(&spec).await.unwrap();
    let input = exec.input();
    let mut shown = String::new();
    let mut typed = false;
    while let Some(output) = exec.next().await {
        match output.unwrap() {
            Output::Stdout(bytes) => shown.push_str(&String::from_utf8_lossy(&bytes)),
            Output::Stderr(bytes) => panic!("{bytes:?}"),
            Output::Exited(status) => assert_eq!(status, exited(0)),
        }
        if shown.contains("11 33") && !typed {
            typed = true;
            input.resize(WindowSize { rows: 22, columns: 44 }).await.unwrap();
            input.write(b"\n").await.unwrap();
        }
    }
    assert!(shown.contains("22 44") && shown.contains("/dev/pts/"), "{shown}");
    host.stop().await;
}

/// Until nothing runs but the daemon: who has ended is counted until it is waited for.
async fn alone(host: &Host) {
    while host.backend.inspect(&host.spec.id).await.unwrap().usage.pids != Some(1) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_timeout_kills_all_that_a_program_started() {
    let host = Host::start().await;
    let script = "sleep 1000 & setsid sleep 1000 & (setsid sh -c 'sleep 1000 & sleep 1000' &) ; echo $$; sleep 1000";
    let ran = host.run(&ExecSpec { timeout: Some(Duration::from_millis(300)), ..sh(script) }).await;
    assert_eq!(ran.status.limit, Some(Limit::Timeout));
    alone(&host).await;
    host.stop().await;
}

#[tokio::test]
async fn what_a_program_leaves_behind_does_not_hold_the_call() {
    let host = Host::start().await;
    let ran = host.sh("sleep 1000 & echo started").await;
    assert_eq!(text(&ran), ("started\n".into(), String::new(), exited(0)));
    host.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_program_along() {
    let host = Host::start().await;
    let mut exec = host.client.exec(&sh("echo started; sleep 1000")).await.unwrap();
    assert_eq!(exec.next().await.unwrap().unwrap(), Output::Stdout("started\n".into()));
    drop(exec);
    alone(&host).await;
    host.stop().await;
}

#[tokio::test]
async fn a_slow_reader_slows_the_program_and_a_signal_passes_unread_input() {
    let host = Host::start().await;
    let spec = ExecSpec { stdin: true, ..sh("trap 'exit 7' TERM; yes & wait") };
    let mut exec = host.client.exec(&spec).await.unwrap();
    let input = exec.input();
    assert!(matches!(exec.next().await, Some(Ok(Output::Stdout(_)))));
    // Less than the window, and nobody reads it.
    input.write(&vec![b'x'; 200 << 10]).await.unwrap();
    input.signal(15).await.unwrap();
    let mut last = None;
    while let Some(output) = exec.next().await {
        last = Some(output.unwrap());
    }
    assert_eq!(last, Some(Output::Exited(exited(7))));
    host.stop().await;
}

#[tokio::test]
async fn a_box_ends_when_it_is_idle_and_is_found_stopped() {
    // Long enough for the first call to come in time on a busy machine.
    let lifetime = Lifetime { idle: Some(Duration::from_secs(2)), age: None, tied: false };
    let host = Host::with(|spec| spec.lifetime = lifetime).await;
    host.sh("setsid sleep 1000 &").await;
    while host.backend.inspect(&host.spec.id).await.unwrap().state == State::Running {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let gone = host.client.exec(&sh("true")).await.err().unwrap();
    assert_eq!(gone.to_string().replace(host.spec.id.as_str(), "ID"), "the sandbox `ID` is stopped");
    host.stop().await;
}

#[tokio::test]
async fn a_frozen_box_is_paused_and_goes_on() {
    let host = Host::start().await;
    host.backend.freeze(&host.spec.id, true).await.unwrap();
    assert_eq!(host.backend.inspect(&host.spec.id).await.unwrap().state, State::Paused);
    host.backend.freeze(&host.spec.id, false).await.unwrap();
    assert_eq!(text(&host.sh("echo on").await).0, "on\n");
    host.backend.freeze(&host.spec.id, true).await.unwrap();
    host.stop().await;
}

#[tokio::test]
async fn without_its_key_nobody_commands_a_daemon() {
    let host = Host::start().await;
    let other = BoxClient::new(host.backend.clone(), host.spec.id.clone(), &Token::random());
    assert_eq!(other.info().await.unwrap_err().to_string(), "Invalid secret token");
    assert!(other.exec(&sh("true")).await.is_err());
    assert_eq!(host.client.info().await.unwrap().id, host.spec.id);
    host.stop().await;
}

async fn log(host: &Host, id: u64, offset: u64, follow: bool) -> (u64, String) {
    let (mut output, mut all) = (host.client.job_output(id, offset, follow).await.unwrap(), vec![]);
    while let Some(piece) = output.next().await {
        all.extend_from_slice(&piece.unwrap());
    }
    (output.offset, String::from_utf8(all).unwrap())
}

#[tokio::test]
async fn a_job_goes_on_is_followed_and_keeps_its_end() {
    let host = Host::start().await;
    let job = host
        .client
        .start_job(&sh("echo one; while [ ! -e go ]; do sleep 0.01; done; echo two >&2; exit 4"))
        .await
        .unwrap();
    let mut follower = host.client.job_output(job.id, 0, true).await.unwrap();
    assert_eq!(follower.next().await.unwrap().unwrap(), "one\n");
    assert_eq!(log(&host, job.id, 2, false).await, (2, "e\n".into()));
    assert_eq!(host.client.job(job.id).await.unwrap().exit, None);
    host.sh("touch go").await;
    assert_eq!(follower.next().await.unwrap().unwrap(), "two\n");
    assert!(follower.next().await.is_none());
    let jobs = host.client.jobs().await.unwrap();
    assert_eq!((jobs.len(), jobs[0].exit, jobs[0].written), (1, Some(exited(4)), 8));
    host.stop().await;
}

#[tokio::test]
async fn of_a_job_that_writes_much_the_end_is_kept() {
    let host = Host::start().await;
    let job = host.client.start_job(&sh("head -c 3000000 /dev/zero | tr '\\0' x; echo end")).await.unwrap();
    // Followed to its end, whatever of it is still there.
    log(&host, job.id, 0, true).await;
    let (offset, kept) = log(&host, job.id, 0, false).await;
    assert_eq!((offset, kept.len(), kept.ends_with("xend\n")), (3_000_004 - (1 << 20), 1 << 20, true));
    host.stop().await;
}

#[tokio::test]
async fn a_job_is_signalled_and_stopped_with_all_that_it_started() {
    let host = Host::start().await;
    let job = host
        .client
        // The shell may say on its standard error that the signal ended a `sleep`, too.
        .start_job(&sh("exec 2>/dev/null; trap 'echo heard; exit 5' HUP; echo on; while :; do sleep 0.01; done"))
        .await
        .unwrap();
    let mut output = host.client.job_output(job.id, 0, true).await.unwrap();
    assert_eq!(output.next().await.unwrap().unwrap(), "on\n");
    host.client.signal_job(job.id, 1).await.unwrap();
    assert_eq!(log(&host, job.id, 0, true).await.1, "on\nheard\n");
    let job = host.client.start_job(&sh("setsid sleep 1000 & sleep 1000")).await.unwrap();
    let stopped = host.client.stop_job(job.id).await.unwrap();
    assert_eq!(stopped.exit, Some(ExitStatus { code: None, signal: Some(9), limit: None }));
    alone(&host).await;
    assert_eq!(host.client.stop_job(99).await.unwrap_err().to_string(), "there is no job 99");
    host.stop().await;
}
