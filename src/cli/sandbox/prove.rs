//! `agentscope sandbox doctor --prove`.

use super::{doctor::DoctorArgs, made_of::BackendChoice};
use crate::{
    cli::{CliError, Cx, Exit, Output},
    runtime::shutdown::Signal,
    sandbox::{
        BackendKind, Probe, Sandboxes,
        prove::{Proof, Verdict, prove},
    },
    ui::{printable, style},
};

/// Makes every attempt on the backend that is named, or on each with isolation that can be used here.
pub(super) async fn run(args: &DoctorArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    let mut signals = super::signals()?;
    let only = args.backend.and_then(BackendChoice::kind);
    if args.image.is_some() && matches!(only, Some(BackendKind::Local | BackendKind::Host)) {
        return Err(super::made_of::no_images());
    }
    let backends = match only {
        Some(backend) => vec![backend],
        None => usable(&all.probe().await),
    };
    if backends.is_empty() {
        return Err(CliError::failed("no backend with isolation can be used here, so there is nothing to prove")
            .hint("`agentscope sandbox doctor` says why"));
    }
    let mut proofs = vec![];
    for backend in backends {
        let begun = std::time::Instant::now();
        let image = args.image.as_deref().filter(|_| matches!(backend, BackendKind::Docker | BackendKind::Gvisor));
        let proof = tokio::select! {
            proof = prove(all, backend, image, cx.env.user()) => proof,
            // The sandbox ends with this process.
            Signal::Interrupt | Signal::Terminate = signals.recv() => return Ok(Exit::Interrupted),
        };
        let proof = match proof {
            Ok(proof) => proof,
            // Nobody asked for this one by name; the others say what they have to say.
            Err(error) if only.is_none() => {
                cx.printer.warn(&format!("{backend}: nothing was tried: {error}"));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if args.output == Output::Text {
            cx.printer.stdout(&text(&proof, begun.elapsed(), cx))?;
        }
        proofs.push(proof);
    }
    if args.output == Output::Json {
        cx.printer.json(&proofs)?;
    }
    // Where nothing could be tried, nothing is proved.
    let held = |proof: &Proof| matches!(proof.counts(), [1..=usize::MAX, 0, _]);
    let held = !proofs.is_empty() && proofs.iter().all(held);
    Ok(if held { Exit::Done } else { Exit::Failed })
}

fn usable(probes: &[Probe]) -> Vec<BackendKind> {
    let by_itself = |probe: &&Probe| matches!(probe.backend, BackendKind::Local | BackendKind::Docker);
    let there = probes.iter().filter(by_itself).filter(|probe| probe.confinement.is_some());
    there.map(|probe| probe.backend).collect()
}

fn text(proof: &Proof, took: std::time::Duration, cx: &Cx) -> String {
    let heading = cx.printer.out_style(style::HEADING);
    let (backend, tier) = (proof.backend, proof.tier);
    let mut text = format!("{heading}{backend}{heading:#}: tier {tier}, tried from inside to\n");
    let mut layers: Vec<&str> = vec![];
    for tried in &proof.tried {
        if !layers.contains(&tried.layer) {
            layers.push(tried.layer);
        }
    }
    for layer in layers {
        text.push_str(&format!("\n  {heading}{layer}{heading:#}\n"));
        for tried in proof.tried.iter().filter(|tried| tried.layer == layer) {
            text.push_str(&line(tried.attempt.name, &tried.verdict, cx));
        }
    }
    let [blocked, escaped, not_tried] = proof.counts();
    let color = cx.printer.out_style(if escaped > 0 { style::ERROR } else { style::SUCCESS });
    let mut counts = format!("{blocked} blocked, {escaped} escaped");
    if not_tried > 0 {
        counts.push_str(&format!(", {not_tried} not tried"));
    }
    text.push_str(&format!("\n{color}{counts}{color:#} in {:.1} s\n", took.as_secs_f64()));
    text
}

fn line(name: &str, verdict: &Verdict, cx: &Cx) -> String {
    let (mark, color, detail) = match verdict {
        Verdict::Blocked { how } => ("blocked", style::SUCCESS, words(how)),
        Verdict::Escaped { how } => ("ESCAPED", style::ERROR, how.clone()),
        Verdict::NotTried { why } => ("not tried", style::WARNING, why.clone()),
    };
    let color = cx.printer.out_style(color);
    format!("    {color}{mark:<9}{color:#}  {name:<32}  {}\n", printable(&detail))
}

/// What the system said, for people.
fn words(how: &str) -> String {
    how.split(',').map(str::trim).filter(|code| !code.is_empty()).map(word).collect::<Vec<_>>().join(", ")
}

fn word(code: &str) -> String {
    let meaning = match code {
        "EACCES" => "no permission",
        "EEXIST" => "there already",
        "ENOTDIR" => "not a folder",
        "EBUSY" => "mounted over",
        "ECONNREFUSED" => "nobody listens",
        "EINVAL" => "not known",
        "ENETUNREACH" => "no way there",
        "ENOENT" => "not there",
        "ENOSYS" => "no such call",
        "EPERM" => "refused",
        "EROFS" => "read-only",
        "ESRCH" => "no such process",
        "EXDEV" => "another file system",
        "SIGSYS" => "killed",
        other => return other.to_owned(),
    };
    format!("{meaning} ({code})")
}
