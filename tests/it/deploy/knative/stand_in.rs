//! What Knative does, as far as a deployment can see it: revisions out of Services, instances out of revisions, and a
//! gateway that leads calls to them by their shares and starts an instance where there is none.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use serde_json::{Value, json};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(150);

/// Its arguments and its input, for what it prints.
type Kubectl = Box<dyn Fn(&[&str], &str) -> String + Send + Sync>;

/// Ends with it, and with it its gateway.
pub struct StandIn {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    kubectl: Kubectl,
    gateway: SocketAddr,
    over: AtomicBool,
    /// Whether nobody has called for a while.
    quiet: AtomicBool,
    routes: Mutex<Routes>,
    calls: AtomicU32,
}

#[derive(Default)]
struct Routes {
    /// Of the one Service that there is: percent by revision.
    shares: Vec<(String, u32)>,
    addresses: BTreeMap<String, SocketAddr>,
    /// Those that were called when there was no instance.
    wanted: BTreeSet<String>,
}

impl StandIn {
    /// In one namespace.
    pub fn start(program: PathBuf, kubeconfig: PathBuf, namespace: String) -> Self {
        let kubectl = move |args: &[&str], input: &str| {
            let mut command = Command::new(&program);
            command.arg("kubectl").arg("--kubeconfig").arg(&kubeconfig).args(["--namespace", &namespace]);
            command.args(["--cache-dir", concat!(env!("CARGO_TARGET_TMPDIR"), "/kubectl")]).args(args);
            let mut child =
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
            String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
        };
        kubectl(&["apply", "-f", "-"], include_str!("crds.yaml"));
        for crd in ["crd/services.serving.knative.dev", "crd/revisions.serving.knative.dev"] {
            kubectl(&["wait", "--for=condition=Established", crd, "--timeout=30s"], "");
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let shared = Arc::new(Shared {
            kubectl: Box::new(kubectl),
            gateway: listener.local_addr().unwrap(),
            over: AtomicBool::new(false),
            quiet: AtomicBool::new(false),
            routes: Mutex::default(),
            calls: AtomicU32::new(0),
        });
        let (one, other) = (Arc::clone(&shared), Arc::clone(&shared));
        let controls = std::thread::spawn(move || {
            while !one.over.load(Ordering::Relaxed) {
                one.reconcile();
                std::thread::sleep(LOOK);
            }
        });
        let leads = std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                if other.over.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&other);
                std::thread::spawn(move || shared.lead(connection));
            }
        });
        Self { shared, threads: vec![controls, leads] }
    }

    /// As when nobody calls for a minute: instances end, until the next call.
    pub fn nobody_calls(&self) {
        self.shared.routes.lock().unwrap().wanted.clear();
        self.shared.quiet.store(true, Ordering::Relaxed);
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.shared.gateway));
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

impl Shared {
    fn all(&self, kinds: &str) -> Vec<Value> {
        let found: Value = serde_json::from_str(&(self.kubectl)(&["get", kinds, "-o", "json"], "")).unwrap_or_default();
        found["items"].as_array().cloned().unwrap_or_default()
    }

    fn apply(&self, object: &Value) {
        (self.kubectl)(&["apply", "-f", "-"], &object.to_string());
    }

    fn status(&self, object: &Value, status: &Value) {
        if object["status"] == *status {
            return;
        }
        let kind = format!("{}.serving.knative.dev", object["kind"].as_str().unwrap().to_lowercase());
        let name = object["metadata"]["name"].as_str().unwrap();
        let patch = json!({ "status": status }).to_string();
        (self.kubectl)(&["patch", &kind, name, "--subresource=status", "--type=merge", "-p", &patch], "");
    }

    fn reconcile(&self) {
        let all = self.all("services.serving.knative.dev,revisions.serving.knative.dev,deployments.apps,pods");
        let of = |kind: &'static str| all.iter().filter(move |one| one["kind"] == kind);
        let revisions: Vec<&Value> = of("Revision").collect();
        for service in of("Service") {
            let template = &service["spec"]["template"];
            let called = name(template);
            match revisions.iter().find(|revision| name(revision) == called) {
                None => self.apply(&json!({
                    "apiVersion": "serving.knative.dev/v1",
                    "kind": "Revision",
                    "metadata": {
                        "name": called, "labels": template["metadata"]["labels"],
                        "annotations": template["metadata"]["annotations"], "ownerReferences": [owner(service)],
                    },
                    "spec": template["spec"],
                })),
                Some(there) if there["spec"] != template["spec"] => {
                    let message = format!("revisions.serving.knative.dev {called:?} already exists");
                    self.status(service, &answer(service, json!({ "status": "False", "message": message })));
                    continue;
                }
                Some(_) => {}
            }
            self.route(service, &revisions);
        }
        for revision in revisions {
            self.scale(revision, &of("Deployment").collect::<Vec<_>>());
        }
        let addresses = of("Pod").filter(|pod| is_ready(pod)).filter_map(|pod| {
            let revision = pod["metadata"]["labels"]["serving.knative.dev/revision"].as_str()?;
            let address = format!("{}:8080", pod["status"]["podIP"].as_str()?);
            Some((revision.to_owned(), address.parse().ok()?))
        });
        self.routes.lock().unwrap().addresses = addresses.collect();
    }

    /// Leads calls as the Service says, once all that it names can be called.
    fn route(&self, service: &Value, revisions: &[&Value]) {
        let traffic = service["spec"]["traffic"].as_array().cloned().unwrap_or_default();
        let shares: Vec<(String, u32)> = traffic
            .iter()
            .map(|entry| {
                (entry["revisionName"].as_str().unwrap().to_owned(), entry["percent"].as_u64().unwrap() as u32)
            })
            .collect();
        let can = |called: &String| revisions.iter().any(|one| name(one) == called && is_ready(one));
        if !shares.iter().all(|(called, _)| can(called)) {
            let mut status = answer(service, json!({ "status": "Unknown" }));
            status["traffic"] = service["status"]["traffic"].clone();
            return self.status(service, &status);
        }
        self.routes.lock().unwrap().shares = shares;
        let mut status = answer(service, json!({ "status": "True" }));
        status["traffic"] = traffic.into();
        status["url"] = format!("http://{}", self.gateway).into();
        self.status(service, &status);
    }

    /// A new one starts an instance, to see whether it can; later there are some as long as it is called.
    fn scale(&self, revision: &Value, deployments: &[&Value]) {
        let called = name(revision);
        let at_least: u32 =
            revision["metadata"]["annotations"]["autoscaling.knative.dev/min-scale"].as_str().unwrap().parse().unwrap();
        let routes = self.routes.lock().unwrap();
        let led_to = routes.shares.iter().any(|(share, _)| share == called);
        let wanted = routes.wanted.contains(called) || !self.quiet.load(Ordering::Relaxed);
        drop(routes);
        let replicas = match is_ready(revision) {
            false => 1,
            true if wanted => at_least.max(1),
            true if led_to => at_least,
            // One that nobody is led to has none at all.
            true => 0,
        };
        let there = deployments.iter().find(|one| name(one) == format!("{called}-deployment"));
        if there.is_none_or(|there| there["spec"]["replicas"] != replicas) {
            self.apply(&deployment(revision, replicas));
        }
        let ready = there.is_some_and(|there| there["status"]["readyReplicas"].as_u64() > Some(0));
        let status = if is_ready(revision) || ready { "True" } else { "Unknown" };
        self.status(revision, &json!({ "conditions": [{ "type": "Ready", "status": status }] }));
    }

    /// One connection, to the end.
    fn lead(&self, mut here: TcpStream) {
        let at = self.calls.fetch_add(1, Ordering::Relaxed) * 37 % 100;
        let mut below = 0;
        let shares = self.routes.lock().unwrap().shares.clone();
        let chosen = shares.into_iter().find(|(_, share)| {
            below += share;
            at < below
        });
        let Some((revision, _)) = chosen else { return };
        let mut there = loop {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let mut routes = self.routes.lock().unwrap();
            let address = routes.addresses.get(&revision).copied();
            if address.is_none() {
                routes.wanted.insert(revision.clone());
            }
            drop(routes);
            match address.map(TcpStream::connect) {
                Some(Ok(there)) => break there,
                _ => std::thread::sleep(LOOK),
            }
        };
        let (mut back, mut forth) = (there.try_clone().unwrap(), here.try_clone().unwrap());
        let answers = std::thread::spawn(move || {
            let _ = std::io::copy(&mut back, &mut forth);
            let _ = forth.shutdown(std::net::Shutdown::Both);
        });
        let _ = std::io::copy(&mut here, &mut there);
        let _ = there.shutdown(std::net::Shutdown::Write);
        answers.join().unwrap();
    }
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn is_ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|one| one["type"] == "Ready" && one["status"] == "True")
        && object["metadata"]["deletionTimestamp"].is_null()
}

fn owner(object: &Value) -> Value {
    json!({
        "apiVersion": object["apiVersion"], "kind": object["kind"], "name": object["metadata"]["name"],
        "uid": object["metadata"]["uid"], "controller": true,
    })
}

fn answer(service: &Value, mut ready: Value) -> Value {
    ready["type"] = "Ready".into();
    json!({
        "observedGeneration": service["metadata"]["generation"], "conditions": [ready],
        "latestCreatedRevisionName": service["spec"]["template"]["metadata"]["name"],
        "url": service["status"]["url"], "traffic": service["status"]["traffic"],
    })
}

/// As Knative makes it of a revision.
fn deployment(revision: &Value, replicas: u32) -> Value {
    let called = name(revision);
    let mark = json!({ "serving.knative.dev/revision": called });
    let mut labels = revision["metadata"]["labels"].clone();
    labels["serving.knative.dev/revision"] = called.into();
    let mut spec = revision["spec"].clone();
    let fields = spec.as_object_mut().unwrap();
    fields.remove("containerConcurrency");
    fields.remove("timeoutSeconds");
    for probe in ["readinessProbe", "livenessProbe"] {
        spec["containers"][0][probe]["httpGet"]["port"] = "http1".into();
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": format!("{called}-deployment"), "labels": labels, "ownerReferences": [owner(revision)] },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": mark },
            "template": { "metadata": { "labels": labels }, "spec": spec },
        },
    })
}
