//! Where the values of a plan come from: a flag, the environment, a profile, the agent file, or nowhere but from us.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{DeployArgs, arguments::Chosen, targets::Target};
use crate::{
    config::{
        Keys,
        agent_file::{Loaded, Origin},
    },
    deploy::image::Assets,
};

/// Values of the plan, and where the agent file has them below the name of the target.
const IN_CLUSTER: &[(&str, &str)] = &[
    ("memory", "resources/memory"),
    ("cpu", "resources/cpu"),
    ("gpu", "resources/gpu"),
    ("replicas", "replicas"),
    ("storage", "storage"),
    ("ingress.host", "ingress/host"),
    ("scale.min", "scale/min"),
    ("scale.max", "scale/max"),
    ("concurrency", "concurrency"),
    ("timeout", "timeout"),
    ("public", "visibility"),
    ("traffic", "traffic"),
];

/// By the names of the values in the plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources(BTreeMap<String, String>);

impl Sources {
    pub(super) fn of(args: &DeployArgs, chosen: &Chosen, loaded: &Loaded, keys: &Keys, assets: &Assets) -> Self {
        let mut this = Self::default();
        let in_file = |pointer: &str| match loaded.origin(pointer) {
            Some(Origin::File) => "agent file".to_owned(),
            Some(Origin::Profile(name)) => format!("profile {name}"),
            None => "default".to_owned(),
        };
        let flag = |flag: &str, given: bool, otherwise: String| if given { flag.to_owned() } else { otherwise };
        this.add("name", flag("--name", args.name.is_some(), in_file("/name")));
        this.add("publish.host", flag("--host", args.host.is_some(), "default".to_owned()));
        this.add("publish.port", flag("--port", args.port.is_some(), "the next that is free, kept".to_owned()));
        this.add("port", in_file("/serve/port"));
        match chosen.target {
            Target::Local => {}
            Target::Docker => {
                this.add("memory", in_file("/deploy/docker/memory"));
                this.add("cpu_millis", in_file("/deploy/docker/cpu"));
            }
            target @ (Target::Kubernetes | Target::Knative) => {
                for (value, keys) in IN_CLUSTER {
                    this.add(value, in_file(&format!("/deploy/{}/{keys}", target.name())));
                }
            }
        }
        this.add("smoke", in_file("/deploy/smoke"));
        if args.profile.is_some() {
            this.add("profile", "--profile".to_owned());
        }
        for name in chosen.given.keys() {
            let by_flag = args.env.iter().any(|(given, _)| given == name);
            this.add(&format!("secrets.{name}"), if by_flag { "--env" } else { "--env-file" }.to_owned());
        }
        for name in assets.variables.iter().filter(|name| !chosen.given.contains_key(*name)) {
            if let Some((_, source)) = keys.find(name) {
                this.add(&format!("secrets.{name}"), source.to_string());
            }
        }
        this
    }

    pub(super) fn add(&mut self, what: &str, source: String) {
        self.0.insert(what.to_owned(), source);
    }

    pub(super) fn of_value(&self, what: &str) -> Option<&str> {
        self.0.get(what).map(String::as_str)
    }

    /// Of all that is in the plan, whose document is `spec`.
    pub(super) fn all(&self, spec: &Value) -> BTreeMap<&str, &str> {
        let besides = |what: &str| matches!(what, "name" | "profile" | "smoke") || what.starts_with("secrets.");
        let there = |what: &str| what.split('.').try_fold(spec, |part, key| part.get(key)).is_some();
        let told = self.0.iter().map(|(what, source)| (what.as_str(), source.as_str()));
        told.filter(|(what, _)| besides(what) || there(what)).collect()
    }
}
