//! Output that is read in pieces by clients that come and go.

use agentscope::sandbox::{BoxClient, BoxFolder, Token, wire::ExecSpec};
use rustix::process::{Pid, Signal, kill_process};

use crate::common::local::{Local, as_both};

/// Another client of the same box, as after a restart.
fn client(local: &Local) -> BoxClient {
    let token = Token::of(BoxFolder::new(&local.home.path().join("boxes"), &local.spec.id).path()).unwrap();
    BoxClient::new(local.backend.clone(), local.spec.id.clone(), &token)
}

#[test]
fn a_job_goes_on_and_is_read_from_where_it_was_left() {
    as_both(|_| async {
        let local = Local::start().await;
        let script = "for n in $(seq 1 6000); do echo line $n; test $((n % 1000)) = 0 && sleep 0.01; done; exit 3";
        let spec = ExecSpec { argv: ["sh", "-c", script].map(str::to_owned).into(), ..ExecSpec::default() };
        let job = client(&local).start_job(&spec).await.unwrap();
        let mut read: Vec<u8> = vec![];
        loop {
            // Each piece by a client of its own.
            let client = client(&local);
            let mut output = client.job_output(job.id, read.len() as u64, true).await.unwrap();
            assert_eq!(output.offset, read.len() as u64);
            match output.next().await {
                Some(piece) => read.extend_from_slice(&piece.unwrap()),
                None => break,
            }
        }
        let wanted: String = (1..=6000).map(|n| format!("line {n}\n")).collect();
        assert!(read == wanted.as_bytes(), "{} bytes of {}", read.len(), wanted.len());
        let ended = client(&local).job(job.id).await.unwrap();
        assert_eq!((ended.exit.unwrap().code, ended.written), (Some(3), wanted.len() as u64));
        local.stop().await;
    });
}

/// What is not kept any more is told by where the rest begins.
#[test]
fn what_is_not_kept_is_told() {
    as_both(|_| async {
        let local = Local::start().await;
        let script = "yes 0123456789abcde | head -c 3145728";
        let spec = ExecSpec { argv: ["sh", "-c", script].map(str::to_owned).into(), ..ExecSpec::default() };
        let client = client(&local);
        let job = client.start_job(&spec).await.unwrap();
        while client.job(job.id).await.unwrap().exit.is_none() {}
        // Its output ends after it.
        let mut all = client.job_output(job.id, 0, true).await.unwrap();
        while all.next().await.is_some() {}
        let mut output = client.job_output(job.id, 10, false).await.unwrap();
        let mut rest = 0;
        while let Some(piece) = output.next().await {
            rest += piece.unwrap().len() as u64;
        }
        assert!(output.offset > 10);
        assert_eq!(output.offset + rest, 3 << 20);
        local.stop().await;
    });
}

/// A connection breaks off in another way where something was sent that nobody read.
#[test]
fn a_daemon_that_is_killed_before_it_read_its_input() {
    as_both(|_| async {
        let local = Local::start().await;
        let argv = ["sleep", "1000"].map(str::to_owned).into();
        let exec = local.client.exec(&ExecSpec { argv, stdin: true, ..ExecSpec::default() }).await.unwrap();
        let first = Pid::from_raw(local.backend.process(&local.spec.id).unwrap().pid).unwrap();
        kill_process(first, Signal::STOP).unwrap();
        let stat = format!("/proc/{}/stat", first.as_raw_pid());
        while !std::fs::read_to_string(&stat).unwrap().contains(") T ") {}
        exec.input().write(b"unread").await.unwrap();
        kill_process(first, Signal::KILL).unwrap();
        let error = exec.collect(9).await.unwrap_err().to_string();
        assert_eq!(error, "the sandbox ended or broke off before the program did: how the program ended is not known");
        local.stop().await;
    });
}
