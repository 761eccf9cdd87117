//! What a pod says of itself, and why it does not get on.

use serde_json::Value;

use super::container::CONTAINER;

/// What keeps a pod from getting ready, by itself or at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) what: String,
    /// Whether its log has more to say.
    pub(super) logs: Logs,
    /// What others may mend within seconds, as a node that is being added.
    pub(super) may_pass: bool,
}

/// Which log of the pod tells more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logs {
    None,
    Present,
    /// Of the container that ran before.
    Previous,
}

pub(super) fn name(pod: &Value) -> &str {
    pod["metadata"]["name"].as_str().unwrap_or_default()
}

pub(super) fn is_leaving(pod: &Value) -> bool {
    pod["metadata"]["deletionTimestamp"].is_string()
}

pub(super) fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready").is_some_and(|condition| condition["status"] == "True")
}

pub(super) fn is_running(pod: &Value) -> bool {
    !is_leaving(pod) && container(pod)["state"]["running"].is_object()
}

fn condition<'a>(pod: &'a Value, kind: &str) -> Option<&'a Value> {
    pod["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

fn container(pod: &Value) -> &Value {
    let all = pod["status"]["containerStatuses"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().find(|container| container["name"] == CONTAINER).unwrap_or(&Value::Null)
}

/// Why the pod does not run, if it cannot be expected to.
pub(super) fn trouble(pod: &Value) -> Option<Trouble> {
    if let Some(condition) = condition(pod, "PodScheduled").filter(|condition| condition["reason"] == "Unschedulable") {
        let what = format!("no node has room for it: {}", said(&condition["message"]));
        return Some(Trouble { what, logs: Logs::None, may_pass: true });
    }
    let container = container(pod);
    if container["restartCount"].as_u64() > Some(0) && !is_ready(pod) {
        return Some(ended(&container["lastState"]["terminated"], Logs::Previous));
    }
    let terminated = &container["state"]["terminated"];
    if terminated.is_object() {
        return Some(ended(terminated, Logs::Present));
    }
    let waiting = &container["state"]["waiting"];
    let reason = said(&waiting["reason"]);
    let message = said(&waiting["message"]);
    let what = match reason {
        "" | "ContainerCreating" | "PodInitializing" => return None,
        "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" | "ImageInspectError" => {
            format!("its image cannot be pulled: {message}")
        }
        _ => format!("it cannot be started ({reason}): {message}"),
    };
    Some(Trouble { what, logs: Logs::None, may_pass: reason == "ErrImagePull" })
}

fn ended(terminated: &Value, logs: Logs) -> Trouble {
    let what = match (terminated["reason"].as_str(), terminated["exitCode"].as_i64()) {
        (Some("OOMKilled"), _) => "it ended: it needed more memory than it may have".to_owned(),
        (_, Some(code)) => format!("it ended: exit code {code}"),
        _ => "it ended, and the cluster does not say why".to_owned(),
    };
    Trouble { what, logs, may_pass: false }
}

fn said(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn what(status: &Value) -> Option<String> {
        trouble(&json!({ "status": status })).map(|trouble| trouble.what)
    }

    #[test]
    fn each_trouble_has_its_words() {
        let of = |state: &Value, restarts: u32| {
            json!({ "containerStatuses": [{ "name": "agent", "state": state, "restartCount": restarts,
                "lastState": { "terminated": { "exitCode": 2 } } }] })
        };
        assert_eq!(what(&json!({})), None);
        assert_eq!(what(&of(&json!({ "waiting": { "reason": "ContainerCreating" } }), 0)), None);
        assert_eq!(what(&of(&json!({ "running": {} }), 0)), None);
        let pulled = of(&json!({ "waiting": { "reason": "ImagePullBackOff", "message": "no such host" } }), 0);
        assert_eq!(what(&pulled).as_deref(), Some("its image cannot be pulled: no such host"));
        let crashed = of(&json!({ "waiting": { "reason": "CrashLoopBackOff" } }), 1);
        assert_eq!(what(&crashed).as_deref(), Some("it ended: exit code 2"));
        let killed = of(&json!({ "terminated": { "exitCode": 137, "reason": "OOMKilled" } }), 0);
        assert_eq!(what(&killed).as_deref(), Some("it ended: it needed more memory than it may have"));
        let full =
            json!({ "conditions": [{ "type": "PodScheduled", "reason": "Unschedulable", "message": "0/1 nodes" }] });
        assert_eq!(what(&full).as_deref(), Some("no node has room for it: 0/1 nodes"));
    }
}
