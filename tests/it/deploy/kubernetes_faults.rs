//! What goes wrong on the way into a cluster leaves what was there.

use std::process::Command;

use serde_json::json;

use super::{
    BROKEN, begun,
    kubernetes::{Home, OURS},
    told_to_end,
};
use crate::common::TestEnv;

#[test]
fn a_revision_that_does_not_answer_is_taken_back() {
    let Some(home) = Home::find() else { return };
    home.agent("");
    home.deploy(&[]);
    let things = home.cluster.names("replicaset,secret");
    let broken = [
        (
            "model: demo\nstorage: {sessions: \"redis://127.0.0.1:1\"}",
            "the new revision does not run: it ended: exit code 2",
        ),
        (
            "model: demo\ndeploy: {kubernetes: {resources: {cpu: 64}}}",
            "no node has room for it: 0/1 nodes are available",
        ),
        ("model: demo\ndeploy: {smoke: {prompt: hello, expect: nothing}}", "answered `deploy.smoke` with `demo model"),
        (
            "model: m\nmodels: {m: {provider: openai-compatible, model: x, base_url: \"http://127.0.0.1:9/v1\"}}",
            "the new revision is not ready: model",
        ),
        (
            "model: demo\ndeploy: {kubernetes: {patches: [{kind: Deployment, spec: {template: {spec: {containers: [{name: \
             agent, image: \"HOST/no/such:1\"}]}}}}]}}",
            "its image cannot be pulled:",
        ),
    ];
    for (more, reason) in broken {
        let more = more.replace("HOST", &home.cluster.registry.host);
        home.env.write("agent.yaml", format!("name: demo\n{more}\n"));
        let output = home.try_deploy(&["--timeout", "30"]);
        assert!(output.code == Some(1) && output.stderr.contains(reason), "{output}");
        assert!(output.stderr.contains("hint: revision 1 goes on as before"), "{output}");
        // It has served all the time, and nothing of the other is left.
        let pods = home.cluster.get("pod");
        let old = pods["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|pod| pod["metadata"]["labels"]["agentscope.revision"] == "1");
        assert_eq!(old.unwrap()["status"]["containerStatuses"][0]["ready"], true);
        assert_eq!(home.cluster.names("replicaset,secret"), things);
    }
    home.answers();
    assert_eq!(home.status()["drift"], json!([]));
}

#[test]
fn a_first_revision_that_does_not_answer_leaves_nothing() {
    let Some(home) = Home::find() else { return };
    home.agent("storage: {sessions: \"redis://127.0.0.1:1\"}\n");
    let output = home.try_deploy(&[]);
    assert!(output.code == Some(1) && output.stderr.contains("which comes with a later version"), "{output}");
    assert_eq!(home.cluster.kubectl(&["get", OURS, "-l", "agentscope.deployment", "-o", "name"]), "");
}

#[test]
fn what_an_earlier_deployment_kept_outlives_a_first_revision_that_does_not_answer() {
    let Some(home) = Home::find() else { return };
    // As `rm` leaves it.
    let claim = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "demo-data",
            "labels": { "app.kubernetes.io/managed-by": "agentscope", "agentscope.deployment": "demo" },
        },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Mi" } } },
    });
    let file = home.env.write("claim.json", claim.to_string());
    home.cluster.kubectl(&["apply", "-f", &file.display().to_string()]);
    home.agent("storage: {sessions: \"redis://127.0.0.1:1\"}\ndeploy: {kubernetes: {storage: 1Mi}}\n");
    let output = home.try_deploy(&["--timeout", "30"]);
    assert_eq!(output.code, Some(1), "{output}");
    let left = home.cluster.kubectl(&["get", OURS, "-l", "agentscope.deployment", "-o", "name"]);
    assert_eq!(left.trim(), "persistentvolumeclaim/demo-data");
    assert!(home.cluster.get("persistentvolumeclaim/demo-data")["metadata"]["deletionTimestamp"].is_null());
}

#[test]
fn a_deploy_that_was_killed_is_made_good_by_the_next() {
    let Some(home) = Home::find() else { return };
    home.agent("");
    home.deploy(&[]);
    for (at, step) in ["making revision", "waiting until"].into_iter().enumerate() {
        home.agent(&format!("description: change {at}\n"));
        let (mut child, said) = begun(deploying(&home), step);
        child.kill().unwrap();
        child.wait().unwrap();
        let done = home.deploy(&[]);
        assert_eq!((&done["changed"], &done["state"]), (&json!(true), &json!("running")), "{said}");
        assert_eq!(home.deploy(&[])["changed"], false);
        home.answers();
    }
    // Of two at once one is refused.
    home.agent("description: two\n");
    let (mut first, _) = begun(deploying(&home), "waiting until");
    let second = home.try_deploy(&[]);
    assert!(second.code == Some(1) && second.stderr.contains("is just being changed by another command"), "{second}");
    assert!(first.wait().unwrap().success());
}

#[test]
fn a_deploy_that_is_told_to_end_takes_back_what_it_began() {
    let Some(home) = Home::find() else { return };
    let (unready, _) = BROKEN[2];
    home.env.write("agent.yaml", format!("name: demo\n{unready}\n"));
    let (code, said) = told_to_end(begun(deploying(&home), "waiting until"));
    assert!(code == Some(130) && said.contains("error: interrupted"), "{code:?} {said}");
    assert_eq!(home.cluster.kubectl(&["get", OURS, "-l", "agentscope.deployment", "-o", "name"]), "");

    home.agent("");
    home.deploy(&[]);
    let things = home.cluster.names("replicaset,secret");
    home.env.write("agent.yaml", format!("name: demo\n{unready}\n"));
    let (code, said) = told_to_end(begun(deploying(&home), "waiting until"));
    assert!(code == Some(130) && said.contains("hint: revision 1 goes on as before"), "{code:?} {said}");
    assert_eq!(home.cluster.names("replicaset,secret"), things);
    home.answers();
}

fn deploying(home: &Home) -> Command {
    home.env.command(&["deploy", "kubernetes", "--registry", &format!("{}/agents", home.cluster.registry.host)])
}

#[test]
fn who_may_not_and_what_is_not_ours() {
    let Some(home) = Home::find() else { return };
    home.agent("");
    home.cluster.kubectl(&["create", "service", "clusterip", "demo", "--tcp=80"]);
    let shown = |output: &crate::common::Output| {
        output.to_string().replace(&home.cluster.namespace, "[NAMESPACE]").replace("packing our executable\n", "")
    };
    insta::assert_snapshot!(shown(&home.try_deploy(&[])), @"
    exit 2
    --- stderr
    using ./agent.yaml
    packing the agent
    error: the namespace `[NAMESPACE]` has a Service `demo` that no deploy made
    hint: choose another name with `--name`
    ");
    assert_eq!(home.cluster.kubectl(&["get", OURS, "-l", "agentscope.deployment", "-o", "name"]), "");
    let nobody = home.cluster.kubeconfig.with_extension("nobody");
    home.env.write("kubeconfig", std::fs::read_to_string(nobody).unwrap());
    home.env.write(
        "agent.yaml",
        format!("name: demo\nmodel: demo\ndeploy: {{kubernetes: {{namespace: {}}}}}\n", home.cluster.namespace),
    );
    insta::assert_snapshot!(shown(&home.try_deploy(&[])), @r#"
    exit 1
    --- stderr
    using ./agent.yaml
    packing the agent
    error: the cluster did not show the Deployment `demo`: deployments.apps "demo" is forbidden: User "nobody" cannot get resource "deployments" in API group "apps" in the namespace "[NAMESPACE]"
    hint: ask for a role in the namespace that may do it
    "#);
    insta::assert_snapshot!(shown(&home.run(&["list", "--target", "kubernetes"])), @r#"
    exit 1
    --- stderr
    error: the cluster did not list deployments: deployments.apps is forbidden: User "nobody" cannot list resource "deployments" in API group "apps" in the namespace "default"
    hint: ask for a role in the namespace that may do it
    "#);
}

#[test]
fn a_quota_that_is_used_up_is_told_before_anything_is_made() {
    let Some(home) = Home::find() else { return };
    home.agent("");
    home.deploy(&[]);
    let before = home.versions(OURS, "agentscope.deployment");
    home.cluster.kubectl(&["create", "quota", "small", "--hard=requests.cpu=150m"]);
    let used = "jsonpath={.status.used.requests\\.cpu}=100m";
    home.cluster.kubectl(&["wait", "quota/small", &format!("--for={used}"), "--timeout=30s"]);
    home.agent("description: more\n");
    let output = home.try_deploy(&[]);
    assert!(output.code == Some(1) && output.stderr.contains("exceeded quota: small"), "{output}");
    assert!(output.stderr.contains("hint: free some of the quota"), "{output}");
    assert_eq!(home.versions(OURS, "agentscope.deployment"), before);
    home.answers();
}

#[test]
fn who_asks_is_told_by_a_program_or_by_the_pod_that_it_runs_in() {
    let Some(home) = Home::find() else { return };
    home.agent("");
    home.deploy(&[]);
    // As the command lines of clouds log in.
    let text = std::fs::read_to_string(home.env.work().join("kubeconfig")).unwrap();
    let (before, rest) = text.split_once("token: ").unwrap();
    let (token, after) = rest.split_once('}').unwrap();
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": { "token": token },
    });
    home.env.write("credential", credential.to_string());
    let file = home.env.work().join("credential").display().to_string();
    let login = format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, command: cat, args: [\"{file}\"], interactiveMode: Never}}"
    );
    home.env.write("kubeconfig", format!("{before}{login}}}{after}"));
    home.answers();

    // In the cluster, with what a pod is given.
    let namespace = &home.cluster.namespace;
    let server = text.split_once("https://127.0.0.1:").unwrap().1;
    let port: String = server.chars().take_while(char::is_ascii_digit).collect();
    let image = &home.cluster.get("deployment/demo")["spec"]["template"]["spec"]["containers"][0]["image"];
    let subject = format!("{namespace}:ops");
    home.cluster.kubectl(&["create", "serviceaccount", "ops"]);
    home.cluster.kubectl(&[
        "create",
        "rolebinding",
        "ops",
        "--clusterrole=admin",
        &format!("--serviceaccount={subject}"),
    ]);
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "ops" },
        "spec": {
            "serviceAccountName": "ops",
            "restartPolicy": "Never",
            // The API of this cluster listens on the machine alone.
            "hostNetwork": true,
            "containers": [{
                "name": "ops", "image": image, "args": ["list", "--target", "kubernetes", "-o", "json"],
                "env": [
                    { "name": "KUBERNETES_SERVICE_HOST", "value": "127.0.0.1" },
                    { "name": "KUBERNETES_SERVICE_PORT", "value": port },
                ],
            }],
        },
    });
    let file = home.env.write("pod.json", pod.to_string());
    home.cluster.kubectl(&["apply", "-f", &file.display().to_string()]);
    home.cluster.kubectl(&["wait", "pod/ops", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s"]);
    let said = home.cluster.kubectl(&["logs", "ops"]);
    assert!(said.contains(&format!("kubernetes/{namespace}/demo")), "{said}");
}

#[test]
fn wrong_usage_is_told_before_anything_is_asked() {
    let env = TestEnv::new().var("KUBECONFIG", "kubeconfig");
    env.write("agent.yaml", "name: demo\nmodel: demo\n");
    let deploy = |args: &[&str]| env.run(&[&["deploy", "kubernetes"], args].concat());
    insta::assert_snapshot!(deploy(&["--registry", "127.0.0.1:9/agents"]), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: there is no kubeconfig `kubeconfig`, which KUBECONFIG names
    hint: set KUBECONFIG to the file with the cluster's address and your login
    ");
    let config = |context: &str, server: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: {context}\nclusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\n\
             users: [{{name: u, user: {{token: t}}}}]\ncontexts: [{{name: test, context: {{cluster: c, user: u}}}}]\n"
        );
        env.write("kubeconfig", text);
    };
    config("prod", "https://127.0.0.1:9");
    insta::assert_snapshot!(deploy(&["--registry", "127.0.0.1:9/agents"]), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: the context `prod` of the kubeconfig cannot be used: failed to load current context: prod
    hint: `kubectl config use-context` chooses one of those that it has: `test`
    ");
    config("test", "https://127.0.0.1:9");
    insta::assert_snapshot!(deploy(&[]), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: there is nowhere that the cluster could pull an image of the agent from
    hint: name a registry with `--registry HOST/PATH` or `deploy.registry`, or an image that has agentscope with `deploy.kubernetes.image`
    ");
    insta::assert_snapshot!(deploy(&["--registry", "127.0.0.1:9/agents", "--name", "1st"]), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: a deployment in a cluster cannot be called `1st`
    hint: choose a name that begins with a letter with `--name`
    ");
    insta::assert_snapshot!(env.run(&["list", "--target", "kubernetes"]), @"
    exit 1
    --- stderr
    error: could not reach the cluster `https://127.0.0.1:9`: client error (Connect): tcp connect error: Connection refused (os error 111)
    hint: look at the server of the kubeconfig's current context, and at the way to it
    ");
    env.write("agent.yaml", "name: demo\nmodel: demo\ndeploy: {kubernetes: {replicas: 2}}\n");
    insta::assert_snapshot!(deploy(&["--registry", "127.0.0.1:9/agents"]), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: `deploy.kubernetes.replicas` is 2, and `storage.sessions` is kept by each pod alone
    hint: make it 1, or keep it where all of them reach it: `storage` names the server
    ");
    env.write(
        "agent.yaml",
        "name: demo\nmodel: demo\ntools: [python]\nsandbox: {min_tier: A}\ndeploy: {kubernetes: {image: a.example/b}}\n",
    );
    insta::assert_snapshot!(deploy(&["--plan"]), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: the tools python get tier B isolation in a container, and `sandbox.min_tier` is A
    hint: the container itself is a boundary: ask for B, or deploy with `agentscope deploy local`
    ");
    env.write(
        "agent.yaml",
        "name: demo\nmodel: demo\ndeploy: {kubernetes: {image: a.example/b, patches: [{kind: Pod}]}}\n",
    );
    insta::assert_snapshot!(deploy(&[]), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: `deploy.kubernetes.patches.0` is for a `Pod`, which this deployment has not
    hint: there are ServiceAccount, PersistentVolumeClaim, NetworkPolicy, Service, Deployment, Ingress; of those a claim needs `storage`, an Ingress `ingress`
    ");
    config("test", "https://cluster.example");
    insta::assert_snapshot!(env.run(&["--offline", "list", "--target", "kubernetes"]), @"
    exit 1
    --- stderr
    error: `--offline` forbids the call to `cluster.example`
    ");
}
