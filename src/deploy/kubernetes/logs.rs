//! What the pods of the current revision write.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, io::AsyncBufReadExt as _, stream::select_all};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::LogParams};
use serde_json::Value;

use super::{Site, container::CONTAINER, observe::number, pods};
use crate::deploy::{DeployError, Follow, LogStream};

impl Site {
    /// Of those `pods` that are of the `current` revision.
    pub(super) async fn log(
        &self,
        namespace: &str,
        (pods, current): (&[Value], u32),
        lines: Option<u32>,
        follow: Follow,
    ) -> Result<LogStream, DeployError> {
        let mine = pods.iter().filter(|pod| number(pod) == current && !pods::is_leaving(pod));
        let names: Vec<String> = mine.map(|pod| pods::name(pod).to_owned()).collect();
        let mut streams = vec![];
        for pod in &names {
            // With several, each line says whose it is.
            let whose = if names.len() > 1 { format!("{pod} ") } else { String::new() };
            streams.push(self.log_of(namespace, pod, whose, lines, follow).await?);
        }
        Ok(select_all(streams).boxed())
    }

    async fn log_of(
        &self,
        namespace: &str,
        pod: &str,
        whose: String,
        lines: Option<u32>,
        follow: Follow,
    ) -> Result<LogStream, DeployError> {
        let pods: Api<Pod> = Api::namespaced(self.cluster.client.clone(), namespace);
        let params = LogParams {
            container: Some(CONTAINER.to_owned()),
            follow: follow == Follow::Yes,
            tail_lines: lines.map(i64::from),
            ..LogParams::default()
        };
        let stream = pods.log_stream(pod, &params).await;
        let stream = stream.map_err(|error| self.cluster.refused("give the log", &error))?;
        let lines = stream.lines().map_ok(move |line| Bytes::from(format!("{whose}{line}\n")));
        Ok(lines.map_err(|error| DeployError::io("read the log")(error)).boxed())
    }
}
