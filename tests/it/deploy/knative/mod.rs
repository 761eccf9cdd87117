//! The life of a deployment with Knative. The cluster is real and its pods run; what Knative does in it is done by a
//! stand-in, which takes what `crds.yaml` says and nothing else.

mod stand_in;

use std::process::Command;

use serde_json::{Value, json};

use self::stand_in::StandIn;
use super::{
    begun,
    kubernetes::{Callers, Home},
};
use crate::common::{TestEnv, openai};

const OURS: &str =
    "services.serving.knative.dev,revisions.serving.knative.dev,deployments.apps,pod,serviceaccount,secret,configmap";
const MARK: &str = "agentscope.service";

fn find() -> Option<(Home, StandIn)> {
    let home = Home::of("knative")?;
    let cluster = &home.cluster;
    let stand_in = StandIn::start(cluster.program.clone(), cluster.kubeconfig.clone(), cluster.namespace.clone());
    Some((home, stand_in))
}

fn service(home: &Home) -> Value {
    home.cluster.get("services.serving.knative.dev/demo")
}

/// Who is called, as the Service says.
fn traffic(home: &Home) -> Vec<(String, u64)> {
    let traffic = service(home)["spec"]["traffic"].as_array().cloned().unwrap_or_default();
    let share = |one: &Value| (one["revisionName"].as_str().unwrap().to_owned(), one["percent"].as_u64().unwrap());
    traffic.iter().map(share).collect()
}

fn to(shares: &[(&str, u64)]) -> Vec<(String, u64)> {
    shares.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect()
}

fn left(home: &Home) -> String {
    home.cluster.kubectl(&["get", OURS, "-l", MARK, "-o", "name"])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_deployed_changed_taken_back_and_let_rest() {
    let Some((home, stand_in)) = find() else { return };
    home.agent("");
    let first = home.deploy(&["-E", "MORE=s3cret-value"]);
    let id = home.id();
    let url = first["url"].as_str().unwrap().to_owned();
    assert_eq!((&first["id"], &first["revision"], &first["state"]), (&json!(id), &json!(1), &json!("running")));
    let pod = &service(&home)["spec"]["template"]["spec"];
    assert_eq!(
        (&pod["timeoutSeconds"], &pod["containers"][0]["securityContext"]["runAsUser"]),
        (&json!(600), &json!(65532))
    );
    assert!(!pod.to_string().contains("s3cret-value"));
    home.answers();
    openai::answers(&url, &home.token(1));

    // The same again is no change at all.
    let before = home.versions(OURS, MARK);
    assert_eq!(home.deploy(&["-E", "MORE=s3cret-value"])["changed"], false);
    assert_eq!(before, home.versions(OURS, MARK));

    // Another agent, while it is called: no call is lost, on the way there and on the way back, and all of it is known
    // to who has nothing but the login.
    let callers = Callers::start(&url, &home.token(1));
    home.agent("description: changed\n");
    assert_eq!(home.deploy(&["-E", "MORE=s3cret-value"])["revision"], 2);
    assert_eq!(traffic(&home), to(&[("demo-r2", 100)]));
    assert!(callers.answered() > 0);
    std::fs::remove_dir_all(home.env.home().join("state")).unwrap();
    let back = home.run(&["rollback", &id]);
    assert_eq!(back.code, Some(0), "{back}");
    assert_eq!(traffic(&home), to(&[("demo-r1", 100)]));
    assert!(callers.answered() > 0);
    callers.end().await;
    assert_eq!(home.status()["drift"], json!([]));

    // When nobody calls there is no instance, which is how it should be; the next call starts one.
    stand_in.nobody_calls();
    home.cluster.kubectl(&["wait", "--for=delete", "pod", "-l", MARK, "--timeout=60s"]);
    let resting = home.status();
    assert_eq!((&resting["state"], &resting["revisions"][0]["detail"]), (&json!("running"), &json!("no instance now")));
    let logs = home.run(&["logs", &id]);
    assert!(logs.code == Some(1) && logs.stderr.contains("has no instance now"), "{logs}");
    home.answers();
    let logs = home.run(&["logs", &id, "--tail", "1"]);
    assert!(logs.code == Some(0) && logs.stdout.lines().count() == 1, "{logs}");

    // What is stopped is remembered, and started as it was.
    assert_eq!(home.run(&["stop", &id]).stdout, format!("{id}\n"));
    assert_eq!((home.status()["state"].as_str(), home.cluster.names("pod").len()), (Some("stopped"), 0));
    home.agent("");
    let started = home.deploy(&["-E", "MORE=s3cret-value"]);
    assert_eq!(
        (&started["revision"], &started["changed"], &started["state"]),
        (&json!(1), &json!(true), &json!("running"))
    );
    home.answers();
    let forth = home.run(&["rollback", &id, "--to", "2"]);
    assert_eq!(forth.code, Some(0), "{forth}");
    home.answers();
    let listed = home.run(&["list", "--target", "knative", "-o", "json"]);
    assert!(listed.stdout.contains(&id), "{listed}");
    assert_eq!(home.run(&["rm", &id]).stdout, format!("{id}\n"));
    assert_eq!(left(&home), "");
    assert_eq!(home.run(&["status", &id]).code, Some(4));
}

#[test]
fn a_new_revision_gets_its_share_of_the_calls() {
    let Some((home, _stand_in)) = find() else { return };
    home.agent("deploy: {knative: {traffic: 20}}\n");
    home.deploy(&[]);
    // There is nobody to share with.
    assert_eq!((traffic(&home), &home.deploy(&[])["changed"]), (to(&[("demo-r1", 100)]), &json!(false)));
    home.agent("description: changed\ndeploy: {knative: {traffic: 20}}\n");
    assert_eq!(home.deploy(&[])["revision"], 2);
    assert_eq!(traffic(&home), to(&[("demo-r1", 80), ("demo-r2", 20)]));
    assert_eq!(home.deploy(&[])["changed"], false);
    let shown = home.run(&["status", &home.id()]);
    assert!(shown.stdout.contains("80 % of the calls") && shown.stdout.contains("20 % of the calls"), "{shown}");
    // More of them, without a new revision; then all.
    let plan = home.try_deploy(&["--traffic", "50", "--plan"]);
    assert!(plan.stdout.contains("would be called otherwise, revision 2"), "{plan}");
    assert!(plan.stdout.contains("traffic: 20 -> 50 (--traffic)"), "{plan}");
    let half = home.deploy(&["--traffic", "50"]);
    assert_eq!((&half["revision"], traffic(&home)), (&json!(2), to(&[("demo-r1", 50), ("demo-r2", 50)])));
    assert_eq!((&home.deploy(&["--traffic", "100"])["revision"], traffic(&home)), (&json!(2), to(&[("demo-r2", 100)])));
    // By hand: it is shown, and taken back.
    let patch = json!({ "spec": { "traffic": [{ "revisionName": "demo-r1", "percent": 70 }, { "revisionName": "demo-r2", "percent": 30 }] } });
    home.cluster.kubectl(&["patch", "services.serving.knative.dev", "demo", "--type=merge", "-p", &patch.to_string()]);
    let again = home.deploy(&[]);
    assert_eq!(
        (&again["revision"], &again["changed"], traffic(&home)),
        (&json!(2), &json!(true), to(&[("demo-r1", 80), ("demo-r2", 20)]))
    );
}

#[test]
fn a_revision_that_does_not_answer_is_taken_back() {
    let Some((home, _stand_in)) = find() else { return };
    // The first one leaves nothing.
    home.agent("storage: {sessions: \"redis://127.0.0.1:1\"}\n");
    let output = home.try_deploy(&[]);
    assert!(output.code == Some(1) && output.stderr.contains("exit code 2"), "{output}");
    assert_eq!(left(&home), "");
    home.agent("");
    home.deploy(&[]);
    let things = home.cluster.names("revisions.serving.knative.dev,secret,configmap");
    for (more, reason) in [
        ("model: demo\nstorage: {sessions: \"redis://127.0.0.1:1\"}", "it ended: exit code 2"),
        ("model: demo\ndeploy: {smoke: {prompt: hello, expect: nothing}}", "answered `deploy.smoke` with `demo model"),
        (
            "model: m\nmodels: {m: {provider: openai-compatible, model: x, base_url: \"http://127.0.0.1:9/v1\"}}",
            "the new revision is not ready: model",
        ),
    ] {
        home.env.write("agent.yaml", format!("name: demo\n{more}\n"));
        let output = home.try_deploy(&["--timeout", "30"]);
        assert!(output.code == Some(1) && output.stderr.contains(reason), "{output}");
        assert!(output.stderr.contains("hint: revision 1 goes on as before"), "{output}");
        assert_eq!(traffic(&home), to(&[("demo-r1", 100)]));
        assert_eq!(home.cluster.names("revisions.serving.knative.dev,secret,configmap"), things);
    }
    home.answers();
    // What a deploy that was killed left is made good by the next.
    home.agent("description: killed\n");
    let registry = format!("{}/agents", home.cluster.registry.host);
    let deploying: Command = home.env.command(&["deploy", "knative", "--registry", &registry]);
    let (mut child, _) = begun(deploying, "waiting until");
    child.kill().unwrap();
    child.wait().unwrap();
    home.answers();
    assert_eq!(home.deploy(&[])["state"], "running");
    assert_eq!(home.deploy(&[])["changed"], false);
}

#[test]
fn values_are_read_from_secrets_of_others() {
    let Some((home, _stand_in)) = find() else { return };
    let named = |secret: &str| {
        home.env.write(
            "agent.yaml",
            format!(
                "name: demo\nmodel: demo\ndescription: \"${{MODEL_KEY}}\"\n\
                 deploy: {{knative: {{secrets: {{MODEL_KEY: {{name: {secret}, key: openai}}}}}}}}\n"
            ),
        )
    };
    named("nowhere");
    home.cluster.kubectl(&["create", "secret", "generic", "keys", "--from-literal=openai=s3cret-value"]);
    let output = home.try_deploy(&[]);
    let lacking = format!("the namespace `{}` has no Secret `nowhere`", home.cluster.namespace);
    assert!(output.code == Some(2) && output.stderr.contains(&lacking), "{output}");
    assert_eq!(left(&home), "");
    named("keys");
    let both = home.try_deploy(&["-E", "MODEL_KEY=x"]);
    assert!(both.code == Some(2) && both.stderr.contains("`MODEL_KEY` is given, and"), "{both}");
    home.deploy(&[]);
    home.answers();
    // By the other target too.
    let text = std::fs::read_to_string(home.env.work().join("agent.yaml")).unwrap();
    home.env.write("agent.yaml", text.replace("name: demo", "name: other").replace("knative", "kubernetes"));
    let registry = format!("{}/agents", home.cluster.registry.host);
    let other = home.run(&["deploy", "kubernetes", "--registry", &registry, "-o", "json"]);
    assert_eq!(other.code, Some(0), "{other}");
    let said = home.run(&["invoke", &format!("kubernetes/{}/other", home.cluster.namespace), "-q", "hello"]);
    assert!(said.stdout.contains("demo model"), "{said}");
}

#[test]
fn wrong_usage_is_told_before_anything_is_asked() {
    let env = TestEnv::new().var("KUBECONFIG", "kubeconfig");
    let deploy = |more: &str| {
        env.write(
            "agent.yaml",
            format!("name: demo\nmodel: demo\ndeploy: {{registry: \"127.0.0.1:9/a\", knative: {more}}}\n"),
        );
        env.run(&["deploy", "knative"])
    };
    insta::assert_snapshot!(deploy("{scale: {max: 3}}"), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: `deploy.knative.scale.max` is 3, and `storage.sessions` is kept by each pod alone
    hint: make it 1, or keep it where all of them reach it: `storage` names the server
    ");
    insta::assert_snapshot!(deploy("{traffic: 101}"), @r#"
    exit 2
    --- stderr
    using ./agent.yaml
    error: 101 is too large: the most is 100
     --> agent.yaml:3:56
      |
    3 | deploy: {registry: "127.0.0.1:9/a", knative: {traffic: 101}}
      |                                                        ^^^
    "#);
    insta::assert_snapshot!(deploy("{secrets: {AGENTSCOPE_TOKEN: {name: a}}}"), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: `AGENTSCOPE_TOKEN` is set by the deployment itself
    hint: leave it out of `-E`, `--env-file` and the `secrets` of the agent file's `deploy`
    ");
    insta::assert_snapshot!(deploy("{}"), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: there is no kubeconfig `kubeconfig`, which KUBECONFIG names
    hint: set KUBECONFIG to the file with the cluster's address and your login
    ");
}
