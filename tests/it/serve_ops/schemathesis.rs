//! What nearly fits the description of the routes, made up by a program: no answer is a 5xx.

use std::process::Command;

use super::demo;
use crate::common::require::available;

#[tokio::test]
async fn no_made_up_request_brings_the_server_down() {
    let program = std::env::var("AGENTSCOPE_TEST_SCHEMATHESIS").unwrap_or_default();
    if !available("schemathesis", std::path::Path::new(&program).exists()) {
        return;
    }
    let server = demo("{limits: {time: 5s}}");
    let folder = server.env.work();
    let output = Command::new(&program)
        .args(["run", &server.at("/openapi.json"), "--checks", "not_a_server_error", "--max-examples", "20"])
        .args(["--generation-deterministic", "--suppress-health-check", "all", "--no-color"])
        .args(["--request-timeout", "20", "--phases", "examples,coverage,fuzzing"])
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(server.get("/health").await.0, 200);
    let (_, metrics) = server.get("/metrics").await;
    let metrics = metrics.as_str().unwrap().to_owned();
    let requests = metrics.lines().filter(|line| line.starts_with("agentscope_http_requests_total{"));
    let (mut count, mut crashed) = (0_u64, vec![]);
    for line in requests {
        count += line.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
        crashed.extend(line.contains("status=\"5").then_some(line));
    }
    assert!(count > 100 && crashed.is_empty(), "{count} requests, {crashed:?}");
}
