//! The life of a deployment in a real cluster.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use crate::common::{Output, TestEnv, cluster::Cluster, openai};

/// A home with a deployment `demo` in a namespace of its own.
pub(super) struct Home {
    target: &'static str,
    pub(super) cluster: Cluster,
    pub(super) env: TestEnv,
}

impl Home {
    /// `None` where there is no cluster, and the test is skipped.
    pub(super) fn find() -> Option<Self> {
        Self::of("kubernetes")
    }

    pub(super) fn of(target: &'static str) -> Option<Self> {
        let cluster = Cluster::find()?;
        let env = cluster.env();
        // Packing a debug build takes long: its layer is kept from one test to the next.
        let shared = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("images");
        std::fs::create_dir_all(&shared).unwrap();
        std::fs::create_dir_all(env.home().join("cache")).unwrap();
        std::os::unix::fs::symlink(shared, env.home().join("cache/images")).unwrap();
        Some(Self { target, cluster, env })
    }

    pub(super) fn agent(&self, more: &str) {
        self.env.write("agent.yaml", format!("name: demo\nmodel: demo\n{more}"));
    }

    pub(super) fn run(&self, args: &[&str]) -> Output {
        self.env.run(args)
    }

    pub(super) fn try_deploy(&self, args: &[&str]) -> Output {
        let registry = format!("{}/agents", self.cluster.registry.host);
        self.run(&[&["deploy", self.target, "--registry", &registry], args].concat())
    }

    pub(super) fn deploy(&self, args: &[&str]) -> Value {
        let output = self.try_deploy(&[&["-o", "json"], args].concat());
        assert_eq!(output.code, Some(0), "{output}");
        serde_json::from_str(&output.stdout).unwrap()
    }

    /// As other tests have one of that name in their namespaces.
    pub(super) fn id(&self) -> String {
        format!("{}/{}/demo", self.target, self.cluster.namespace)
    }

    pub(super) fn status(&self) -> Value {
        let output = self.run(&["status", &self.id(), "-o", "json"]);
        serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output}"))
    }

    pub(super) fn answers(&self) {
        let said = self.run(&["invoke", &self.id(), "-q", "hello"]);
        assert!(said.code == Some(0) && said.stdout.contains("demo model"), "{said}");
    }

    /// Everything of ours, and which version of it.
    pub(super) fn versions(&self, kinds: &str, label: &str) -> String {
        let form = "jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}{\"\\n\"}{end}";
        self.cluster.kubectl(&["get", kinds, "-l", label, "-o", form])
    }

    /// Where callers inside the cluster reach it, as this machine does.
    fn address(&self) -> String {
        let service = self.cluster.get("service/demo");
        format!("http://{}", service["spec"]["clusterIP"].as_str().unwrap())
    }

    pub(super) fn token(&self, revision: u32) -> String {
        let path = "go-template={{.data.AGENTSCOPE_SERVE_TOKEN | base64decode}}";
        self.cluster.kubectl(&["get", "secret", &format!("demo-r{revision}"), "-o", path])
    }
}

pub(super) const OURS: &str =
    "deployment,replicaset,pod,service,serviceaccount,secret,configmap,networkpolicy,ingress,persistentvolumeclaim";

/// Calls without a pause, until it is told to end.
pub(super) struct Callers {
    tasks: Vec<tokio::task::JoinHandle<()>>,
    told: Arc<AtomicBool>,
    answered: Arc<AtomicU32>,
    failed: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Callers {
    pub(super) fn start(url: &str, token: &str) -> Self {
        let this = Self { tasks: vec![], told: Arc::default(), answered: Arc::default(), failed: Arc::default() };
        let tasks = (0..4).map(|number| {
            let (told, answered, failed) = (this.told.clone(), this.answered.clone(), this.failed.clone());
            // Some open a connection for each call, some keep theirs.
            let idle = if number % 2 == 0 { 0 } else { 8 };
            let client = reqwest::Client::builder().pool_max_idle_per_host(idle).build().unwrap();
            let (url, token) = (format!("{url}/process"), token.to_owned());
            tokio::spawn(async move {
                while !told.load(Ordering::Relaxed) {
                    let sent = client.post(&url).bearer_auth(&token).json(&hello()).timeout(Duration::from_secs(20));
                    match async { sent.send().await?.error_for_status()?.text().await }.await {
                        Ok(text) if text.contains("demo model") => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        Ok(text) => failed.lock().unwrap().push(text),
                        Err(error) => failed.lock().unwrap().push(format!("{error:?}")),
                    }
                }
            })
        });
        let tasks = tasks.collect();
        Self { tasks, ..this }
    }

    /// How many were answered since it was asked last.
    pub(super) fn answered(&self) -> u32 {
        self.answered.swap(0, Ordering::Relaxed)
    }

    pub(super) async fn end(self) {
        self.told.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        assert_eq!(*self.failed.lock().unwrap(), Vec::<String>::new());
    }
}

fn hello() -> Value {
    json!({ "input": [{ "role": "user", "type": "message", "content": [{ "type": "text", "text": "hello" }] }] })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_deployed_changed_and_taken_back() {
    let Some(home) = Home::find() else { return };
    let namespace = home.cluster.namespace.clone();
    home.agent("");
    let first = home.deploy(&["-E", "MORE=s3cret-value"]);
    let id = home.id();
    assert_eq!(first["id"], id.as_str());
    assert_eq!((&first["revision"], &first["state"], &first["changed"]), (&json!(1), &json!("running"), &json!(true)));
    assert_eq!(first["token_ref"], format!("secret {namespace}/demo-r1, AGENTSCOPE_SERVE_TOKEN"));

    // By digest, as an ordinary user, with nothing writable but what it keeps; no secret where it can be read by the way.
    let deployment = home.cluster.get("deployment/demo");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert!(container["image"].as_str().unwrap().contains("/agents/demo@sha256:"), "{container}");
    let context = json!({
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] },
    });
    assert_eq!(container["securityContext"], context);
    assert_eq!(deployment["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"], true);
    assert!(!deployment.to_string().contains("s3cret-value"));
    assert_eq!(
        home.cluster.names(&OURS.replace("replicaset,pod,", "")).join("\n").replace("configmap/kube-root-ca.crt\n", ""),
        "deployment.apps/demo\nnetworkpolicy.networking.k8s.io/demo\nsecret/demo-r1\nservice/demo\nserviceaccount/default\n\
         serviceaccount/demo"
    );
    home.answers();
    let (url, token) = (home.address(), home.token(1));
    let client = reqwest::Client::builder().build().unwrap();
    assert_eq!(client.post(format!("{url}/process")).json(&hello()).send().await.unwrap().status(), 401);
    let chat = json!({ "messages": [{ "role": "user", "content": "hello" }] });
    let chat = client.post(format!("{url}/v1/chat/completions")).bearer_auth(&token).json(&chat).send().await.unwrap();
    assert!(chat.text().await.unwrap().contains("demo model"));
    openai::answers(&url, &token);

    // The same again is no change at all.
    let before = home.versions(OURS, "agentscope.deployment");
    let again = home.deploy(&["-E", "MORE=s3cret-value"]);
    assert_eq!((&again["revision"], &again["changed"]), (&json!(1), &json!(false)));
    let planned = home.try_deploy(&["-E", "MORE=s3cret-value", "--plan", "--detailed-exitcode"]);
    assert_eq!(planned.code, Some(0), "{planned}");
    assert_eq!(before, home.versions(OURS, "agentscope.deployment"));

    // Another agent, while it is called: no call is lost, on the way there and on the way back, and all of it is known
    // to who has nothing but the login.
    let callers = Callers::start(&url, &token);
    home.agent("description: changed\n");
    assert_eq!(home.deploy(&["-E", "MORE=s3cret-value", "--wait"])["revision"], 2);
    assert!(callers.answered() > 0);
    std::fs::remove_dir_all(home.env.home().join("state")).unwrap();
    assert_eq!(home.status()["revisions"].as_array().unwrap().len(), 2);
    let back = home.run(&["rollback", &id, "-o", "json"]);
    assert_eq!(back.code, Some(0), "{back}");
    let back: Value = serde_json::from_str(&back.stdout).unwrap();
    assert_eq!(back["revision"], 1);
    // Until the other one has ended.
    home.cluster.kubectl(&["wait", "--for=delete", "pod", "-l", "agentscope.revision=2", "--timeout=60s"]);
    assert!(callers.answered() > 0);
    callers.end().await;
    assert_eq!(home.cluster.names("replicaset").len(), 2);
    let logs = home.run(&["logs", &id, "--tail", "5"]);
    assert!(logs.code == Some(0) && logs.stdout.lines().count() == 5, "{logs}");

    assert_eq!(home.run(&["stop", &id]).stdout, format!("{id}\n"));
    assert_eq!((home.status()["state"].as_str(), home.run(&["status", &id]).code), (Some("stopped"), Some(1)));
    assert_eq!(home.cluster.names("pod"), Vec::<String>::new());
    assert_eq!(home.run(&["invoke", &id, "-q", "hello"]).code, Some(1));
    // What is deployed now is revision 1, so this is another again; then it is only started.
    assert_eq!(home.deploy(&["-E", "MORE=s3cret-value"])["revision"], 3);
    let listed: Value =
        serde_json::from_str(&home.run(&["list", "--target", "kubernetes", "-o", "json"]).stdout).unwrap();
    assert!(listed.as_array().unwrap().iter().any(|one| one["id"] == id.as_str()), "{listed}");
    assert_eq!(home.run(&["rm", &id]).stdout, format!("{id}\n"));
    assert_eq!(home.cluster.kubectl(&["get", OURS, "-l", "agentscope.deployment", "-o", "name"]), "");
    assert_eq!(home.run(&["status", &id]).code, Some(4));
}

#[test]
fn one_image_serves_any_agent_and_the_plan_is_what_is_sent() {
    let Some(home) = Home::find() else { return };
    home.agent("");
    home.deploy(&[]);
    let image = home.cluster.get("deployment/demo")["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    // Another agent with a file of its own, which the image knows nothing of.
    std::fs::create_dir_all(home.env.work().join("skills/greet")).unwrap();
    home.env.write("skills/greet/SKILL.md", "---\nname: greet\ndescription: how to greet\n---\nSay hello.\n");
    let more = format!(
        "name: other\nmodel: demo\nskills: [skills/greet]\ndeploy: {{kubernetes: {{image: {image}, resources: {{cpu: 50m}}, \
         ingress: {{host: other.example}}, patches: [{{kind: Service, metadata: {{labels: {{team: web}}}}}}]}}}}\n"
    );
    home.env.write("other.yaml", more);
    let plan = home.run(&["deploy", "kubernetes", "other.yaml", "--plan", "-o", "yaml", "-E", "KEY=s3cret-value"]);
    assert!(plan.code == Some(0) && !plan.stdout.contains("s3cret-value"), "{plan}");
    home.env.write("plan.yaml", &plan.stdout);
    let file = home.env.work().join("plan.yaml").display().to_string();
    let taken = home.cluster.kubectl(&["apply", "--dry-run=server", "-f", &file]);
    assert_eq!(taken.matches("(server dry run)").count(), 7, "{taken}");

    let made = home.run(&["deploy", "kubernetes", "other.yaml", "-E", "KEY=s3cret-value", "-o", "json"]);
    assert_eq!(made.code, Some(0), "{made}");
    let made: Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!((&made["revision"], &made["url"]), (&json!(1), &json!("http://other.example")));
    assert_eq!(home.cluster.get("service/other")["metadata"]["labels"]["team"], "web");
    let keys = home.cluster.get("configmap/other-r1")["data"].as_object().unwrap().len();
    assert_eq!(keys, 2);
    let other = home.id().replace("/demo", "/other");
    // By hand: it is shown, and taken back.
    home.cluster.kubectl(&[
        "patch",
        "service",
        "other",
        "-p",
        "{\"spec\":{\"ports\":[{\"port\":80,\"targetPort\":9}]}}",
    ]);
    let status = home.run(&["status", &other, "-o", "json"]);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let drift = json!([{ "what": "Service.spec.ports.0.targetPort", "from": "http", "to": "9" }]);
    assert_eq!(status["drift"], drift);
    let again = home.run(&["deploy", "kubernetes", "other.yaml", "-E", "KEY=s3cret-value"]);
    assert_eq!(again.code, Some(0), "{again}");
    assert_eq!(home.cluster.get("service/other")["spec"]["ports"][0]["targetPort"], "http");
    let purged = home.run(&["rm", &other, "--purge"]);
    assert_eq!(purged.code, Some(0), "{purged}");
    home.answers();
}

#[test]
fn an_ingress_goes_with_the_revision_that_asked_for_it() {
    let Some(home) = Home::find() else { return };
    home.agent("deploy: {kubernetes: {ingress: {host: demo.example}}}\n");
    assert_eq!(home.deploy(&[])["url"], "http://demo.example");
    home.agent("");
    let second = home.deploy(&[]);
    assert_eq!((&second["revision"], &second["url"]), (&json!(2), &Value::Null));
    assert_eq!(home.cluster.names("ingress"), Vec::<String>::new());
    for (to, ingresses) in [("1", 1), ("2", 0)] {
        let back = home.run(&["rollback", &home.id(), "--to", to]);
        assert!(back.code == Some(0) && home.cluster.names("ingress").len() == ingresses, "{back}");
    }
    assert_eq!(home.status()["drift"], json!([]));
}
